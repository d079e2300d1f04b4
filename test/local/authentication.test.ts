import hawk from 'hawk';
import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from './queue-under-test.ts';
import { temporary } from './temporary.ts';

const { client: signer } = hawk as unknown as {
  client: { header: (url: string, method: string, options: object) => { header: string } };
};

const FAILED = { status: 401, code: 'AuthenticationFailed' };

describe('a signature', () => {
  it('with a wrong token is refused, with the message of the real queue', async () => {
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

  it('may cover the body, which then must match', async () => {
    await using queue = await startQueue();
    const url = `${queue.rootUrl}/api/queue/v1/claim-work/${encodeURIComponent(TASK_QUEUE_ID)}`;
    const payload = JSON.stringify({ ...WORKER, tasks: 1 });
    const contentType = 'application/json';
    const { clientId, accessToken } = queue.credentials.worker;
    const { header } = signer.header(url, 'POST', {
      credentials: { id: clientId, key: accessToken, algorithm: 'sha256' },
      payload,
      contentType,
    });
    const send = async (body: string) => {
      const headers = { authorization: header, 'content-type': contentType };
      return (await fetch(url, { method: 'POST', headers, body })).status;
    };
    await queue.create();
    expect(await send(payload.replace('worker-1', 'worker-2'))).toBe(401);
    expect(await send(payload)).toBe(200);
  });

  it('is requested by a header of the refusal', async () => {
    await using queue = await startQueue();
    const response = await fetch(`${queue.rootUrl}/api/queue/v1/task/${await queue.create()}/status`, {
      headers: { authorization: 'Hawk id="x", ts="1", nonce="n", mac="m"' },
    });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'hawk']);
  });

  it('is not checked if none is needed', async () => {
    await using queue = await startQueue();
    const liar = queue.connect({ clientId: 'test/root', accessToken: 'wrong' });
    expect(await liar.ping()).toMatchObject({ alive: true });
  });
});

describe('a request without a signature', () => {
  it('has only the scopes of everybody', async () => {
    await using queue = await startQueue({ anonymousScopes: ['queue:get-task:*'] });
    const taskId = await queue.create();
    expect(await queue.anonymous.task(taskId)).toMatchObject({ taskGroupId: taskId });
    expect(await queue.nobody.task(taskId)).toMatchObject({ taskGroupId: taskId });
    const refusal = await refusalOf(queue.anonymous.status(taskId));
    expect(refusal).toMatchObject({ status: 403, code: 'InsufficientScopes' });
    expect(refusal.text).toContain('```\nqueue:status:' + taskId + '\n```');
  });

  it('may only read public artifacts by default', async () => {
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

describe('a signed URL', () => {
  it('permits a single request', async () => {
    await using queue = await startQueue();
    const [taskId, other] = [await queue.create(), await queue.create()];
    const url = queue.signedUrl(queue.credentials.root, 'status', taskId);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(taskId, other))).status).toBe(401);
    expect((await fetch(url.replace('/status', '/cancel'), { method: 'POST' })).status).toBe(401);
  });

  it('can be made with temporary credentials, and may have a query', async () => {
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

  it('cannot be combined with a header', async () => {
    await using queue = await startQueue();
    const url = queue.signedUrl(queue.credentials.root, 'status', await queue.create());
    expect((await fetch(url, { headers: { authorization: 'Hawk id="x"' } })).status).toBe(401);
  });
});
