import { networkInterfaces } from 'node:os';

import { describe, expect, it } from 'vitest';

import { addService, createService } from '../../src/local/http/api.ts';
import { createServer } from '../../src/local/http/server.ts';
import { systemClock } from '../../src/local/index.ts';
import { queueApi, type QueueApi } from '../../src/taskcluster/index.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from './queue-under-test.ts';

describe('the server', () => {
  it('listens on this machine only', async () => {
    await using queue = await startQueue();
    expect(queue.rootUrl).toBe(`http://127.0.0.1:${queue.port}`);
    const others = Object.values(networkInterfaces())
      .flatMap(addresses => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of others) {
      await expect(fetch(`http://${address}:${queue.port}/api/queue/v1/ping`)).rejects.toThrow();
    }
  });

  it('uses only the given port, and reports if that is in use', async () => {
    await using queue = await startQueue();
    await expect(startQueue({ port: queue.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('is unreachable after it was closed', async () => {
    const queue = await startQueue();
    await queue.close();
    await expect(fetch(`${queue.rootUrl}/api/queue/v1/ping`)).rejects.toThrow();
  });

  it('returns 404 for unknown paths, and for calls that it does not implement', async () => {
    await using queue = await startQueue();
    for (const path of ['/', '/api/queue/v1/nothing', '/api/queue/v1/provisioners', '/api/hooks/v1/ping']) {
      const response = await fetch(queue.rootUrl + path);
      expect([response.status, await response.json()]).toEqual([404, { error: 'Not found' }]);
    }
    const claim = queue.root.claimTask('AAAAAAAAQAGAAAAAAAAAAA', 0, WORKER);
    expect(await claim.catch((error: { statusCode?: number }) => error.statusCode)).toBe(404);
  });
});

describe('an answer', () => {
  it('is indented JSON that must not be cached', async () => {
    await using queue = await startQueue();
    const response = await fetch(`${queue.rootUrl}/api/queue/v1/ping`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store no-cache must-revalidate');
    expect(await response.text()).toMatch(/^\{\n {2}"alive": true,/);
  });

  it('that is an error names the call and its parameters', async () => {
    await using queue = await startQueue();
    const body = { ...WORKER, tasks: 0 };
    const error = await queue.worker
      .claimWork(TASK_QUEUE_ID, body)
      .catch((refusal: { body: unknown }) => refusal);
    const { time } = (error as { body: { requestInfo: { time: string } } }).body.requestInfo;
    expect((error as { body: unknown }).body).toEqual({
      code: 'InputValidationError',
      message: expect.stringMatching(
        new RegExp(
          '\n\n---\n\n\\* method: {5}claimWork\n\\* errorCode: {2}InputValidationError\n' +
            `\\* statusCode: 400\n\\* time: {7}${time}$`,
        ),
      ),
      requestInfo: { method: 'claimWork', params: { taskQueueId: TASK_QUEUE_ID }, payload: body, time },
    });
  });
});

describe('a request', () => {
  it('with an invalid id is refused, with the message of the real queue', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(queue.root.status('AAAAAAAAAAAAAAAAAAAAAA'))).toEqual({
      status: 400,
      code: 'InvalidRequestArguments',
      text:
        "Invalid URL patterns:\nURL parameter 'taskId' given as 'AAAAAAAAAAAAAAAAAAAAAA' must match regular " +
        "expression: '/^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$/'",
    });
  });

  it('with an id that is too long is refused with that reason', async () => {
    await using queue = await startQueue();
    const refusal = await refusalOf(queue.root.status('A'.repeat(2_000)));
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidRequestArguments' });
  });

  it('of a caller without scopes is refused for that reason first', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(queue.nobody.status('AAAAAAAAAAAAAAAAAAAAAA'))).toMatchObject({ status: 403 });
  });

  it.each([
    ['no JSON', 'application/json', '{'],
    ['JSON that is not an object', 'application/json', '1'],
    ['another content type', 'text/plain', JSON.stringify({ ...WORKER, tasks: 1 })],
  ])('with %s is malformed', async (_, contentType, body) => {
    await using queue = await startQueue();
    const response = await fetch(
      `${queue.rootUrl}/api/queue/v1/claim-work/${encodeURIComponent(TASK_QUEUE_ID)}`,
      {
        method: 'POST',
        headers: { 'content-type': contentType },
        body,
      },
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'MalformedPayload',
      requestInfo: { method: 'claimWork' },
    });
  });

  it('with an unknown query parameter is refused', async () => {
    await using queue = await startQueue({ anonymousScopes: ['*'] });
    const group = `${queue.rootUrl}/api/queue/v1/task-group/${await queue.create()}`;
    const statusOf = (url: string) => fetch(url).then(({ status }) => status);
    expect(await statusOf(`${group}/list?limit=1`)).toBe(200);
    expect(await statusOf(`${group}/list?limit=one`)).toBe(400);
    expect(await statusOf(`${group}/list?limit=1&limit=2`)).toBe(400);
    expect(await statusOf(`${group}?limit=1`)).toBe(400);
  });

  it('may have the slash of a task queue percent-encoded', async () => {
    await using queue = await startQueue({ anonymousScopes: ['*'] });
    const response = await fetch(`${queue.rootUrl}/api/queue/v1/pending/${TASK_QUEUE_ID}`);
    expect(await response.json()).toMatchObject({ taskQueueId: TASK_QUEUE_ID, pendingTasks: 0 });
  });
});

describe('a call', () => {
  it('whose handler forgets to check the scopes of its caller is not answered', async () => {
    const errors: unknown[] = [];
    const server = createServer(() => '');
    const service = createService<QueueApi>('queue', queueApi, { cancelTask: () => ({}) as never });
    addService(server, service, {
      authenticate: async () => ({ kind: 'anonymous', scopes: ['*'] }),
      checkInput: () => undefined,
      clock: systemClock,
      onError: error => errors.push(error),
    });
    const url = '/api/queue/v1/task/AAAAAAAAQAGAAAAAAAAAAA/cancel';
    expect((await server.inject({ method: 'POST', url })).statusCode).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('cancelTask') })]);
  });
});
