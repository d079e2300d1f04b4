import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, TASK_QUEUE_ID, type Credentials } from './queue-under-test.ts';
import { HOUR, inMs, temporary, type TemporaryOptions } from './temporary.ts';
import { createTestClock } from './test-clock.ts';

const FAILED = { status: 401, code: 'AuthenticationFailed' };

/** The same credentials, with something changed in their certificate. */
function forge(credentials: Credentials, change: object): Credentials {
  const certificate = JSON.parse(credentials.certificate ?? '') as object;
  return { ...credentials, certificate: JSON.stringify({ ...certificate, ...change }) };
}

describe('temporary credentials', () => {
  it('have only the scopes that they were issued for', async () => {
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

  it('cannot be used under another name', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const credentials = { ...temporary(queue, { clientId: 'test/temporary' }), clientId: 'test/other' };
    expect(await refusalOf(queue.connect(credentials).status(taskId))).toMatchObject(FAILED);
  });

  it('have at most the scopes of their issuer, who must be authorized to create such a client', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const issuedBy = (name: 'worker' | 'root', options: Partial<TemporaryOptions>) =>
      queue.connect(temporary(queue, { credentials: queue.credentials[name], ...options })).status(taskId);
    expect(await refusalOf(issuedBy('worker', {}))).toMatchObject(FAILED);
    const scopes = [`queue:claim-work:${TASK_QUEUE_ID}`];
    expect(await refusalOf(issuedBy('worker', { scopes }))).toMatchObject({ status: 403 });
    expect(await refusalOf(issuedBy('worker', { scopes, clientId: 'test/temporary' }))).toMatchObject(FAILED);
    await issuedBy('root', { clientId: 'test/temporary' });
  });

  it('are valid from their start to their expiry, with a tolerance of five minutes', async () => {
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
  it('restrict the scopes of a request', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    for (const credentials of [queue.credentials.root, temporary(queue)]) {
      const client = queue.connect(credentials, { authorizedScopes: [`queue:status:${taskId}`] });
      expect((await client.status(taskId)).status.taskId).toBe(taskId);
      expect(await refusalOf(client.task(taskId))).toMatchObject({ status: 403 });
    }
  });

  it('do not add any', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const client = queue.connect(queue.credentials.nobody, { authorizedScopes: ['queue:status:*'] });
    expect(await refusalOf(client.status(taskId))).toMatchObject(FAILED);
  });
});

describe('the credentials of a claim', () => {
  it('are valid for its run, and have the scopes of the task', async () => {
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

  it('are valid for five minutes after the claim', async () => {
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
