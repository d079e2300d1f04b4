import taskcluster from 'taskcluster-client';
import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, type Credentials, type QueueUnderTest } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

interface TemporaryOptions {
  clientId?: string;
  scopes: string[];
  start?: Date;
  expiry: Date;
  credentials: Credentials;
}

const { createTemporaryCredentials } = taskcluster as unknown as {
  createTemporaryCredentials: (options: TemporaryOptions) => Credentials;
};

const HOUR = 3_600_000;
const inMs = (ms: number) => new Date(Date.now() + ms);
const FAILED = { status: 401, code: 'AuthenticationFailed' };

/** Credentials that root gives away, for the status of every task. */
function temporary(queue: QueueUnderTest, options: Partial<TemporaryOptions> = {}): Credentials {
  return createTemporaryCredentials({
    scopes: ['queue:status:*'],
    expiry: inMs(HOUR),
    credentials: queue.credentials.root,
    ...options,
  });
}

/** The same credentials, with something changed in their certificate. */
function forge(credentials: Credentials, change: object): Credentials {
  const certificate = JSON.parse(credentials.certificate ?? '') as object;
  return { ...credentials, certificate: JSON.stringify({ ...certificate, ...change }) };
}

describe('a signature', () => {
  it('with a wrong token is refused, in the words of the real queue', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const liar = queue.connect({ clientId: 'test/root', accessToken: 'wrong' });
    expect(await refusalOf(liar.status(taskId))).toEqual({ ...FAILED, text: 'Unauthorized: Bad mac' });
  });

  it('of an unknown client is refused', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const stranger = queue.connect({ clientId: 'test/stranger', accessToken: 'x' });
    expect(await refusalOf(stranger.status(taskId))).toMatchObject(FAILED);
  });

  it('is asked for by a header when it is refused', async () => {
    await using queue = await startQueue();
    const response = await fetch(`${queue.rootUrl}/api/queue/v1/task/${await queue.create()}/status`, {
      headers: { authorization: 'Hawk id="x", ts="1", nonce="n", mac="m"' },
    });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'hawk']);
  });

  it('is not looked at where none is needed', async () => {
    await using queue = await startQueue();
    const liar = queue.connect({ clientId: 'test/root', accessToken: 'wrong' });
    expect(await liar.ping()).toMatchObject({ alive: true });
  });
});

describe('a request without a signature', () => {
  it('has the scopes of everybody, and no more', async () => {
    await using queue = await startQueue({ anonymousScopes: ['queue:get-task:*'] });
    const taskId = await queue.create();
    expect(await queue.anonymous.task(taskId)).toMatchObject({ taskGroupId: taskId });
    expect(await queue.nobody.task(taskId)).toMatchObject({ taskGroupId: taskId });
    const refusal = await refusalOf(queue.anonymous.status(taskId));
    expect(refusal).toMatchObject({ status: 403, code: 'InsufficientScopes' });
    expect(refusal.text).toContain('```\nqueue:status:' + taskId + '\n```');
  });

  it('may do nothing but read public artifacts by default', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    expect(await refusalOf(queue.anonymous.task(taskId))).toMatchObject({ status: 403 });
    expect(await refusalOf(queue.anonymous.getLatestArtifact(taskId, 'public/x'))).toMatchObject({
      status: 404,
    });
    expect(await refusalOf(queue.anonymous.getLatestArtifact(taskId, 'private/x'))).toMatchObject({
      status: 403,
    });
  });
});

describe('temporary credentials', () => {
  it('may do what they are for, and nothing else that their issuer may', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    for (const clientId of [undefined, 'test/temporary']) {
      const client = queue.connect(temporary(queue, clientId === undefined ? {} : { clientId }));
      expect((await client.status(taskId)).status.state).toBe('pending');
      const refusal = await refusalOf(client.cancelTask(taskId));
      expect(refusal).toMatchObject({ status: 403 });
      expect(refusal.text).toContain(`Client ID ${clientId ?? 'test/root'} `);
    }
  });

  it.each([
    ['with more scopes', { scopes: ['*'] }],
    ['with a later expiry', { expiry: Date.now() + 2 * HOUR }],
    ['with another issuer', { issuer: 'test/nobody' }],
    ['with another version', { version: 2 }],
    ['with a seed of another length', { seed: 'short' }],
    ['without a signature', { signature: undefined }],
    ['without scopes', { scopes: undefined }],
    ['with no scopes in the list of scopes', { scopes: ['line\nbreak'] }],
    ['without a start', { start: undefined }],
  ])('%s than were signed are refused', async (_, change) => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const forged = forge(temporary(queue, { clientId: 'test/temporary' }), change);
    expect(await refusalOf(queue.connect(forged).status(taskId))).toMatchObject(FAILED);
  });

  it('do not go by another name', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const credentials = { ...temporary(queue, { clientId: 'test/temporary' }), clientId: 'test/other' };
    expect(await refusalOf(queue.connect(credentials).status(taskId))).toMatchObject(FAILED);
  });

  it('have at the most the scopes of their issuer, who must be allowed to make such a client', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const issuedBy = (name: 'worker' | 'root', options: Partial<TemporaryOptions>) =>
      queue.connect(temporary(queue, { credentials: queue.credentials[name], ...options })).status(taskId);
    expect(await refusalOf(issuedBy('worker', {}))).toMatchObject(FAILED);
    expect(await refusalOf(issuedBy('worker', { clientId: 'test/temporary', scopes: [] }))).toMatchObject(
      FAILED,
    );
    await issuedBy('root', { clientId: 'test/temporary' });
  });

  it('count from their start to their expiry, give or take five minutes', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const status = (start: number, expiry: number) =>
      queue.connect(temporary(queue, { start: inMs(start), expiry: inMs(expiry) })).status(taskId);
    await status(0.05 * HOUR, HOUR);
    await status(-HOUR, -0.05 * HOUR);
    expect(await refusalOf(status(0.1 * HOUR, HOUR))).toMatchObject(FAILED);
    expect(await refusalOf(status(-HOUR, -0.1 * HOUR))).toMatchObject(FAILED);
  });
});

describe('authorizedScopes', () => {
  it('take scopes away from a request', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    for (const credentials of [queue.credentials.root, temporary(queue)]) {
      const client = queue.connect(credentials, { authorizedScopes: [`queue:status:${taskId}`] });
      expect((await client.status(taskId)).status.taskId).toBe(taskId);
      expect(await refusalOf(client.task(taskId))).toMatchObject({ status: 403 });
    }
  });

  it('add none', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const client = queue.connect(queue.credentials.nobody, { authorizedScopes: ['queue:status:*'] });
    expect(await refusalOf(client.status(taskId))).toMatchObject(FAILED);
  });
});

describe('the credentials of a claim', () => {
  it('are for its run, and for what the task may do', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ scopes: ['queue:status:*'] });
    const other = await queue.create();
    const { run } = await queue.claim();
    await queue.claim();
    expect((await run.status(other)).status.taskId).toBe(other);
    expect(await refusalOf(run.task(taskId))).toMatchObject({ status: 403 });
    expect(await refusalOf(run.reclaimTask(other, 0))).toMatchObject({ status: 403 });
    expect(await refusalOf(run.reportCompleted(other, 0))).toMatchObject({ status: 403 });
    await run.reportCompleted(taskId, 0);
  });

  it('count for five minutes after the claim', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, claimTimeoutMs: 60_000 });
    const taskId = await queue.create();
    const { claim, run } = await queue.claim();
    await clock.advance(59_000);
    const renewed = queue.connect((await run.reclaimTask(taskId, claim.runId)).credentials);
    await clock.advance(59_000);
    // The claim is older than its time, and was renewed since.
    await run.reclaimTask(taskId, claim.runId);
    await clock.advance(4 * 60_000 + 3_000);
    expect(await refusalOf(run.reclaimTask(taskId, claim.runId))).toMatchObject(FAILED);
    expect(await refusalOf(renewed.reclaimTask(taskId, claim.runId))).toMatchObject({ status: 409 });
  });
});

describe('a signed URL', () => {
  it('lets its holder do one thing', async () => {
    await using queue = await startQueue();
    const [taskId, other] = [await queue.create(), await queue.create()];
    const url = queue.signedUrl(queue.credentials.root, 'status', taskId);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(taskId, other))).status).toBe(401);
    expect((await fetch(url.replace('/status', '/cancel'), { method: 'POST' })).status).toBe(401);
  });

  it('can be made with temporary credentials, and goes with a query', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const credentials = temporary(queue, { clientId: 'test/t', scopes: ['queue:list-task-group:*'] });
    const url = queue.signedUrl(credentials, 'listTaskGroup', taskId, { limit: '1' });
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace('limit=1', 'limit=2'))).status).toBe(401);
  });

  it('expires', async () => {
    await using queue = await startQueue();
    const url = queue.signedUrl(queue.credentials.root, 'status', await queue.create(), { expiration: -1 });
    const response = await fetch(url);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({
      message: expect.stringMatching(/^Unauthorized: Access expired\n/),
    });
  });

  it('does not go with a header', async () => {
    await using queue = await startQueue();
    const url = queue.signedUrl(queue.credentials.root, 'status', await queue.create());
    expect((await fetch(url, { headers: { authorization: 'Hawk id="x"' } })).status).toBe(401);
  });
});
