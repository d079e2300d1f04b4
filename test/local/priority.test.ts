import taskcluster from 'taskcluster-client';
import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue } from './queue-under-test.ts';

describe('changeTaskPriority', () => {
  it('changes the position of a pending run, and announces that to the routes of the task', async () => {
    await using queue = await startQueue();
    const low = await queue.create({ priority: 'low', routes: ['a.b'] });
    const high = await queue.create({ priority: 'high' });
    const { status } = await queue.root.changeTaskPriority(low, { newPriority: 'high' });
    expect(queue.messages.at(-1)).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/task-priority-changed',
      routingKey: `primary.${low}._._._.proj-test.pool.-.${low}._`,
      routes: ['route.a.b'],
      body: { status, oldPriority: 'low', newPriority: 'high', version: 1 },
    });
    const claimed = [await queue.claim(), await queue.claim()];
    expect(
      claimed.map(({ claim }) => claim.status.taskId),
      'of equal priority, the older first',
    ).toEqual([low, high]);
    expect(claimed[0]?.claim.task.priority).toBe('high');
  });

  it('changes a running task, and refuses one that was ever resolved', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    const { status } = await queue.root.changeTaskPriority(taskId, { newPriority: 'low' });
    expect(status).toMatchObject({ state: 'running', priority: 'low' });
    await run.reportCompleted(taskId, 0);
    const again = () => queue.root.changeTaskPriority(taskId, { newPriority: 'high' });
    expect(await refusalOf(again())).toMatchObject({ status: 409, code: 'RequestConflict' });
    await queue.root.rerunTask(taskId);
    expect(await refusalOf(again())).toMatchObject({ status: 409, code: 'RequestConflict' });
  });
});

describe('changeTaskGroupPriority', () => {
  it('changes all unresolved tasks, and announces the group once', async () => {
    await using queue = await startQueue();
    const taskGroupId = taskcluster.slugid();
    const schedulerId = 'sched';
    const over = await queue.create({ taskGroupId, schedulerId });
    await queue.root.cancelTask(over);
    const taskIds = [await queue.create({ taskGroupId, schedulerId })];
    const count = queue.messages.length;
    const answer = await queue.root.changeTaskGroupPriority(taskGroupId, { newPriority: 'highest' });
    expect(answer).toEqual({ taskGroupId, schedulerId, newPriority: 'highest', tasksAffected: 1, taskIds });
    expect(queue.messages.slice(count).filter(({ exchange }) => exchange.includes('priority'))).toEqual([
      {
        exchange: 'exchange/taskcluster-queue/v1/task-group-priority-changed',
        routingKey: `primary.${taskGroupId}.sched._`,
        routes: [],
        body: { taskGroupId, schedulerId, newPriority: 'highest', tasksAffected: 1, version: 1 },
      },
    ]);
  });
});
