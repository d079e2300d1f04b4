import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';
import { waitFor } from '../wait-for.ts';

describe('cancelTask', () => {
  it('ends a running run, and notifies its worker', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ routes: ['a.b'] });
    await queue.claim();
    const { status } = await queue.root.cancelTask(taskId);
    expect(status.state).toBe('exception');
    expect(status.runs).toEqual([
      expect.objectContaining({ state: 'exception', reasonResolved: 'canceled', ...WORKER }),
    ]);
    expect(queue.messages.find(({ exchange }) => exchange.endsWith('task-exception'))).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/task-exception',
      routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
      routes: ['route.a.b'],
      body: { status, runId: 0, task: { tags: {} }, ...WORKER, version: 1 },
    });
  });

  it('ends a pending run, which is then not claimed', async () => {
    await using queue = await startQueue({ longPollMs: 50 });
    const taskId = await queue.create();
    const { status } = await queue.root.cancelTask(taskId);
    expect(status.runs).toEqual([
      {
        runId: 0,
        state: 'exception',
        reasonCreated: 'scheduled',
        reasonResolved: 'canceled',
        scheduled: status.runs[0]?.scheduled,
        resolved: status.runs[0]?.resolved,
      },
    ]);
    expect(queue.messages[2]).toMatchObject({
      routingKey: `primary.${taskId}.0._._.proj-test.pool.-.${taskId}._`,
      body: { status, runId: 0, task: { tags: {} }, version: 1 },
    });
    expect(queue.messages[2]?.body).not.toHaveProperty('workerId');
    expect((await queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 })).tasks).toEqual([]);
  });

  it('creates a run with the reason for an unscheduled task', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ dependencies: [await queue.create()] });
    const { status } = await queue.root.cancelTask(taskId);
    const { resolved } = status.runs[0] ?? {};
    expect(status.runs).toEqual([
      {
        runId: 0,
        state: 'exception',
        reasonCreated: 'exception',
        reasonResolved: 'canceled',
        scheduled: resolved,
        resolved,
      },
    ]);
    expect((await queue.root.scheduleTask(taskId)).status.state).toBe('exception');
  });

  it('may be repeated, and is announced again', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    expect(await queue.root.cancelTask(taskId)).toEqual(await queue.root.cancelTask(taskId));
    expect(queue.published().filter(name => name === 'task-exception')).toHaveLength(2);
  });

  it('does not change a task that ended otherwise', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await run.reportCompleted(taskId, 0);
    expect((await queue.root.cancelTask(taskId)).status.state).toBe('completed');
    expect(queue.published()).not.toContain('task-exception');
  });

  it('is refused after the deadline', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const deadline = new Date(clock.now() + 1_000).toISOString();
    const taskId = await queue.create({ deadline });
    await clock.advance(1_001);
    expect(await refusalOf(queue.root.cancelTask(taskId))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Task \`${taskId}\` can't be canceled past its deadline of ${deadline}.`,
    });
  });

  it('accepts the scope for the task, for its project, or for its scheduler', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ schedulerId: 'sched', projectId: 'proj' });
    const cancel = (...scopes: string[]) =>
      queue.connect(queue.credentials.root, { authorizedScopes: scopes }).cancelTask(taskId);
    await cancel(`queue:cancel-task:sched/${taskId}/${taskId}`);
    await cancel('queue:cancel-task-in-project:proj');
    await cancel('queue:cancel-task', `assume:scheduler-id:sched/${taskId}`);
    expect(await refusalOf(cancel('queue:cancel-task'))).toMatchObject({ status: 403 });
    expect(await refusalOf(cancel('queue:cancel-task-in-project:other'))).toMatchObject({ status: 403 });
  });
});

describe('rerunTask', () => {
  it('creates a new run of a resolved task, with all retries', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create({ retries: 1 });
    const { run } = await queue.claim();
    await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    await queue.root.cancelTask(taskId);
    const { status } = await queue.root.rerunTask(taskId);
    expect(status).toMatchObject({ state: 'pending', retriesLeft: 1 });
    expect(status.runs[2]).toMatchObject({ runId: 2, state: 'pending', reasonCreated: 'rerun' });
    await waitFor(() => expect(queue.published()).toContain('task-group-resolved'));
    const pending = queue.messages.filter(({ exchange }) => exchange.endsWith('task-pending')).at(-1);
    expect(pending?.routingKey).toBe(`primary.${taskId}.2._._.proj-test.pool.-.${taskId}._`);
    expect((await queue.claim()).claim.runId).toBe(2);
  });

  it('has no effect on a task that is not resolved', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    expect((await queue.root.rerunTask(taskId)).status.runs).toHaveLength(1);
    await queue.claim();
    expect((await queue.root.rerunTask(taskId)).status.runs).toHaveLength(1);
  });

  it('does not move a pending task to the end of the queue', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    await queue.create();
    await queue.root.rerunTask(taskId);
    expect((await queue.claim()).claim.status.taskId).toBe(taskId);
  });

  it('is refused after the deadline', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const taskId = await queue.create({ deadline: new Date(clock.now() + 1_000).toISOString() });
    await clock.advance(5_000);
    expect(await refusalOf(queue.root.rerunTask(taskId))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
    expect(await refusalOf(queue.root.scheduleTask(taskId))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
  });
});
