import { describe, expect, it } from 'vitest';

import { inMs } from './artifact-requests.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

const HOUR = 3_600_000;

describe('purge-cache', () => {
  it('returns the requests of the last day, or those after a given time', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const purgeCache = queue.connectTo('purge-cache');
    const before = new Date(clock.now()).toISOString();
    await purgeCache.purgeCache(TASK_QUEUE_ID, { cacheName: 'my-cache' });
    const request = { provisionerId: 'proj-test', workerType: 'pool', cacheName: 'my-cache', before };
    expect(await purgeCache.purgeRequests(TASK_QUEUE_ID)).toEqual({ requests: [request] });
    expect(await purgeCache.purgeRequests('proj-test/other')).toEqual({ requests: [] });
    const later = { since: new Date(clock.now() + 1).toISOString() };
    expect(await purgeCache.purgeRequests(TASK_QUEUE_ID, later)).toEqual({ requests: [] });
    await clock.advance(24 * HOUR);
    expect(await purgeCache.allPurgeRequests()).toEqual({ requests: [] });
  });
});

describe('secrets', () => {
  it('are returned to authorized callers until they expire', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const secrets = queue.connectTo('secrets');
    const secret = { secret: { key: 'value' }, expires: inMs(HOUR, clock.now()) };
    await secrets.set('project/a', secret);
    expect(await secrets.get('project/a')).toEqual(secret);
    const nobody = queue.connectTo('secrets', queue.credentials.nobody);
    expect(await refusalOf(nobody.get('project/a'))).toMatchObject({ status: 403 });
    expect(await refusalOf(secrets.get('project/b'))).toMatchObject({ status: 404 });
    await clock.advance(2 * HOUR);
    expect(await refusalOf(secrets.get('project/a'))).toMatchObject({ status: 410 });
  });
});

describe('the index', () => {
  it('finds a completed task by its routes, with its own data', async () => {
    await using queue = await startQueue();
    const index = queue.connectTo('index');
    const extra = { index: { rank: 3, data: { is: 'data' } } };
    const taskId = await queue.create({ routes: ['index.a.b', 'else'], extra });
    const { claim, run } = await queue.claim();
    expect(await refusalOf(index.findTask('a.b'))).toMatchObject({ status: 404 });
    await run.reportCompleted(taskId, 0);
    expect(await index.findTask('a.b')).toEqual({
      namespace: 'a.b',
      taskId,
      rank: 3,
      data: { is: 'data' },
      expires: claim.task.expires,
    });
  });

  it('keeps the task of the highest rank, or the last one of equal rank', async () => {
    await using queue = await startQueue();
    const index = queue.connectTo('index');
    const [one, two, three] = ['VHJUZUZrQe-OGQsqYYXc0A', 'MzQyYVFdS4uJUDUhV-XdXw', 'GpHlS_sSQF2nmb7rt7Wibw'];
    const insert = (taskId: string | undefined, rank: number) =>
      index.insertTask('a', { taskId, rank, data: {}, expires: inMs(HOUR) });
    await insert(one, 2);
    expect(await insert(two, 1)).toMatchObject({ taskId: one });
    expect(await insert(three, 2)).toMatchObject({ taskId: three });
  });

  it('lists the tasks and the direct subnamespaces of a namespace', async () => {
    await using queue = await startQueue();
    const index = queue.connectTo('index');
    const task = { taskId: 'VHJUZUZrQe-OGQsqYYXc0A', rank: 0, data: {}, expires: inMs(HOUR) };
    for (const name of ['a.x', 'a.b.y', 'a.b.z', 'ab.x']) await index.insertTask(name, task);
    expect((await index.listTasks('a')).tasks.map(({ namespace }) => namespace)).toEqual(['a.x']);
    const { namespaces } = await index.listNamespaces('a');
    expect(namespaces).toEqual([{ namespace: 'a.b', name: 'b', expires: task.expires }]);
  });

  it('redirects to the latest artifact of a task, even a private one', async () => {
    await using queue = await startQueue({ anonymousScopes: ['queue:get-artifact:*'] });
    const taskId = await queue.create({ routes: ['index.a'] });
    const { run } = await queue.claim();
    for (const name of ['public/x', 'private/x']) {
      const request = { storageType: 's3', expires: inMs(HOUR), contentType: 'text/plain' };
      const { putUrl } = (await run.createArtifact(taskId, 0, name, request)) as { putUrl: string };
      await fetch(putUrl, { method: 'PUT', body: name });
    }
    await run.reportCompleted(taskId, 0);
    for (const name of ['public/x', 'private/x']) {
      const url = `${queue.rootUrl}/api/index/v1/task/a/artifacts/${encodeURIComponent(name)}`;
      expect(await (await fetch(url)).text()).toBe(name);
      const { headers } = await fetch(url, { redirect: 'manual' });
      expect(headers.get('location')?.includes('bewit')).toBe(name === 'private/x');
    }
  });
});
