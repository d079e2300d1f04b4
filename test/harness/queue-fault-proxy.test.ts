import taskcluster from 'taskcluster-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalQueue, type LocalQueue } from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { queueFaultProxy, type QueueFault, type QueueFaultProxy } from './queue-fault-proxy.ts';

const USER = { clientId: 'user', accessToken: 'token-of-the-user' };
const QUEUE = 'test/pool';

describe('a proxy between workers and the queue', () => {
  let local: LocalQueue;
  let proxy: QueueFaultProxy;
  beforeEach(async () => {
    local = await startLocalQueue({
      publish: async () => undefined,
      clients: [{ ...USER, accessToken: new Secret(USER.accessToken), scopes: ['*'] }],
      longPollMs: 20_000,
    });
    proxy = await queueFaultProxy(local.rootUrl);
  });
  afterEach(async () => {
    await proxy.close();
    await local.close();
  });

  const client = (rootUrl = proxy.rootUrl) =>
    new taskcluster.Queue({ rootUrl, credentials: USER, retries: 0, timeout: 10_000 });
  const create = async () => {
    const taskId = taskcluster.slugid();
    const now = new Date();
    await client(local.rootUrl).createTask?.(taskId, {
      taskQueueId: QUEUE,
      created: now.toJSON(),
      deadline: taskcluster.fromNow('1 hour', now).toJSON(),
      metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
      payload: {},
    });
    return taskId;
  };
  const state = async (taskId: string) => {
    const { status } = (await client(local.rootUrl).status?.(taskId)) as { status: { state: string } };
    return status.state;
  };
  const claim = (as = client()) =>
    as.claimWork?.(QUEUE, { workerGroup: 'g', workerId: 'w', tasks: 1 }) as Promise<{
      tasks: { credentials: typeof USER }[];
    }>;
  const complete = (taskId: string) => client().reportCompleted?.(taskId, 0);

  it('passes calls unchanged, including signatures, uploads and errors, and names them', async () => {
    const taskId = await create();
    await claim();
    const answer = (await client().createArtifact?.(taskId, 0, 'public/a/b', {
      storageType: 's3',
      contentType: 'text/plain',
      expires: taskcluster.fromNow('30 minutes').toJSON(),
    })) as { putUrl: string };
    expect(answer.putUrl).toContain(proxy.rootUrl);
    const content = 'x'.repeat(1_000_000);
    expect((await fetch(answer.putUrl, { method: 'PUT', body: content })).status).toBe(200);
    await complete(taskId);
    const { url } = (await client().artifact?.(taskId, 0, 'public/a/b')) as { url: string };
    expect(await (await fetch(url)).text()).toBe(content);
    await expect(client().status?.(taskcluster.slugid())).rejects.toMatchObject({ statusCode: 404 });
    expect(proxy.calls).toEqual([
      'claimWork',
      'createArtifact',
      'upload',
      'reportCompleted',
      'artifact',
      'status',
    ]);
  });

  // taskcluster-client fails with a TypeError for a truncated answer.
  it.each<[string, QueueFault, object, string]>([
    ['answered 503', { kind: 'status', status: 503 }, { statusCode: 503 }, 'running'],
    ['a page of 502', { kind: 'status', status: 502, as: 'balancer' }, { statusCode: 502 }, 'running'],
    ['cut on its way', { kind: 'cut' }, { code: 'ECONNRESET' }, 'running'],
    ['done, with its answer lost', { kind: 'lose-answer' }, { code: 'ECONNRESET' }, 'completed'],
    ['done, with half an answer', { kind: 'halve-answer' }, { name: 'TypeError' }, 'completed'],
  ])('lets a call be %s, as often as it is told', async (_, fault, error, after) => {
    const taskId = await create();
    await claim();
    const rule = proxy.fault('reportCompleted', fault, 1);
    await expect(complete(taskId)).rejects.toMatchObject(error);
    expect(await state(taskId)).toBe(after);
    expect(rule.met).toBe(1);
    await complete(taskId);
    expect(await state(taskId)).toBe('completed');
  });

  it('holds a call until its fault is removed', async () => {
    const taskId = await create();
    await claim();
    const rule = proxy.fault(['status', 'reportCompleted'], { kind: 'freeze' });
    const completed = complete(taskId);
    await rule.first;
    expect(await state(taskId)).toBe('running');
    rule.lift();
    await completed;
  });

  it('cuts open calls when the queue goes down, and refuses calls until it is up', async () => {
    const waiting = claim();
    await expect.poll(() => proxy.calls).toEqual(['claimWork']);
    proxy.down();
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(claim()).rejects.toMatchObject({ code: 'ECONNRESET' });
    proxy.up();
    await create();
    expect((await claim()).tasks).toHaveLength(1);
  });
});
