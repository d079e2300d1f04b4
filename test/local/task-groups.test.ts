import taskcluster from 'taskcluster-client';
import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, WORKER } from './queue-under-test.ts';
import { waitFor } from '../wait-for.ts';

describe('a task group', () => {
  it('is resolved when every task is resolved, and the announcement has its expiry', async () => {
    await using queue = await startQueue();
    const taskGroupId = taskcluster.slugid();
    const expires = '2030-01-01T00:00:00.000Z';
    const schedulerId = 'sched';
    for (let i = 0; i < 2; i++) await queue.create({ taskGroupId, schedulerId, expires });
    const [first, second] = [await queue.claim(), await queue.claim()];
    await first.run.reportCompleted(first.claim.status.taskId, 0);
    await queue.root.getTaskGroup(taskGroupId);
    expect(queue.published()).not.toContain('task-group-resolved');
    await second.run.reportFailed(second.claim.status.taskId, 0);
    await waitFor(() => expect(queue.published()).toContain('task-group-resolved'));
    expect(queue.messages.at(-1)).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/task-group-resolved',
      routingKey: `primary.${taskGroupId}.sched._`,
      routes: [],
      body: { taskGroupId, schedulerId, expires: '2030-01-01T01:00:00.000Z', version: 1 },
    });
  });

  it('is not resolved by a run that is retried', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    await queue.root.status(taskId);
    expect(queue.published()).not.toContain('task-group-resolved');
  });

  it('belongs to one scheduler', async () => {
    await using queue = await startQueue();
    const taskGroupId = await queue.create({ schedulerId: 'one' });
    const other = queue.create({ taskGroupId, schedulerId: 'other' });
    expect(await refusalOf(other)).toMatchObject({ status: 409, code: 'RequestConflict' });
  });

  it('lists its tasks in the order of their creation, in pages', async () => {
    await using queue = await startQueue();
    const taskGroupId = taskcluster.slugid();
    const taskIds: string[] = [];
    for (let i = 0; i < 3; i++) taskIds.push(await queue.create({ taskGroupId }));
    const first = await queue.root.listTaskGroup(taskGroupId, { limit: '2' });
    const second = await queue.root.listTaskGroup(taskGroupId, {
      continuationToken: first.continuationToken,
    });
    expect([...first.tasks, ...second.tasks].map(({ status }) => status.taskId)).toEqual(taskIds);
    expect(second.continuationToken).toBeUndefined();
    const foreign = queue.root.listTaskGroup(taskGroupId, { continuationToken: 'foreign' });
    expect(await refusalOf(foreign)).toMatchObject({ status: 400, code: 'InputError' });
  });

  it('does not exist before it has a task', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(queue.root.getTaskGroup(taskcluster.slugid()))).toMatchObject({ status: 404 });
  });
});

describe('sealTaskGroup', () => {
  it('prevents new tasks in the group permanently', async () => {
    await using queue = await startQueue();
    const taskGroupId = await queue.create();
    const group = await queue.root.sealTaskGroup(taskGroupId);
    expect(group.sealed).toMatch(/Z$/);
    expect(await queue.root.sealTaskGroup(taskGroupId)).toEqual(group);
    expect(queue.messages.at(-1)).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/task-group-sealed',
      routingKey: `primary.${taskGroupId}.-._`,
      routes: [],
      body: { ...group, version: 1 },
    });
    expect(await refusalOf(queue.create({ taskGroupId }))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
  });
});

describe('cancelTaskGroup', () => {
  it('is refused until the group is sealed', async () => {
    await using queue = await startQueue();
    const taskGroupId = await queue.create();
    expect(await refusalOf(queue.root.cancelTaskGroup(taskGroupId))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Cannot cancel unsealed task group: \`${taskGroupId}\``,
    });
  });

  it('cancels unresolved tasks, with messages without priority and tags', async () => {
    await using queue = await startQueue();
    const taskGroupId = taskcluster.slugid();
    const tags = { kind: 'test' };
    const done = await queue.create({ taskGroupId, tags });
    const { run } = await queue.claim();
    await run.reportCompleted(done, 0);
    const running = await queue.create({ taskGroupId, tags });
    await queue.claim();
    const pending = await queue.create({ taskGroupId, tags });
    await queue.root.sealTaskGroup(taskGroupId);
    const count = queue.messages.length;
    expect(await queue.root.cancelTaskGroup(taskGroupId)).toEqual({
      taskGroupSize: 3,
      taskIds: [running, pending],
      cancelledCount: 2,
      taskGroupId,
    });
    const { priority: _, ...status } = (await queue.root.status(running)).status;
    const messages = queue.messages
      .slice(count)
      .filter(({ exchange }) => exchange.endsWith('task-exception'));
    expect(messages.map(({ routingKey }) => routingKey)).toEqual([
      `primary.${running}.0.group.worker-1.proj-test.pool.-.${taskGroupId}._`,
      `primary.${pending}.0._._.proj-test.pool.-.${taskGroupId}._`,
    ]);
    expect(messages[0]?.body).toEqual({ status, runId: 0, task: { tags: {} }, ...WORKER, version: 1 });
    await waitFor(() => expect(queue.published()).toContain('task-group-resolved'));
  });
});
