import { describe, expect, it } from 'vitest';

import { inMs } from './artifact-requests.ts';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';
import { waitFor } from '../wait-for.ts';

const POOL = TASK_QUEUE_ID.split('/');
const NAME = [...POOL, WORKER.workerGroup, WORKER.workerId];

describe('a worker', () => {
  it('is known from its first claimWork, with the tasks that it claimed', async () => {
    await using queue = await startQueue();
    expect(await refusalOf(queue.root.getWorker(...NAME))).toMatchObject({ status: 404 });
    const taskIds = [await queue.create(), await queue.create()];
    for (const _ of taskIds) await queue.claim();
    const { recentTasks } = await queue.root.getWorker(...NAME);
    expect(recentTasks).toEqual(taskIds.map(taskId => ({ taskId, runId: 0 })));
    const { workers } = await queue.root.listWorkers(...POOL);
    expect(workers).toMatchObject([{ ...WORKER, latestTask: { taskId: taskIds[1], runId: 0 } }]);
  });

  it('is listed with its claimed tasks until they are resolved', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const { tasks: pending } = await queue.root.listPendingTasks(TASK_QUEUE_ID);
    expect(pending).toMatchObject([{ taskId, runId: 0 }]);
    const { claim, run } = await queue.claim();
    const { tasks: claimed } = await queue.root.listClaimedTasks(TASK_QUEUE_ID);
    expect(claimed).toEqual([
      { taskId, runId: 0, ...WORKER, claimed: claim.status.runs[0]?.started, task: claim.task },
    ]);
    await run.reportCompleted(taskId, 0);
    expect((await queue.root.listPendingTasks(TASK_QUEUE_ID)).tasks).toEqual([]);
    expect((await queue.root.listClaimedTasks(TASK_QUEUE_ID)).tasks).toEqual([]);
  });
});

describe('a worker in quarantine', () => {
  it('waits, and gets no task that another worker gets', async () => {
    await using queue = await startQueue({ longPollMs: 100, checkIntervalMs: 10 });
    await queue.create();
    const first = await queue.claim();
    const quarantineUntil = inMs(60_000);
    const worker = await queue.root.quarantineWorker(...NAME, { quarantineUntil, quarantineInfo: 'why' });
    expect(worker).toMatchObject({ quarantineUntil, recentTasks: [{ runId: 0 }] });
    expect(worker.quarantineDetails).toBeUndefined();
    await queue.create();
    const ask = (workerId: string) =>
      queue.worker.claimWork(TASK_QUEUE_ID, { workerGroup: WORKER.workerGroup, workerId, tasks: 1 });
    expect(await ask(WORKER.workerId)).toEqual({ tasks: [] });
    expect((await ask('worker-2')).tasks).toHaveLength(1);
    const { taskId } = first.claim.status;
    await first.run.reclaimTask(taskId, 0);
    await first.run.reportCompleted(taskId, 0);
    expect((await queue.root.getWorker(...NAME)).quarantineDetails).toMatchObject([
      { clientId: 'test/root', quarantineInfo: 'why', quarantineUntil },
    ]);
    const quarantined = async (is: string) =>
      (await queue.root.listWorkers(...POOL, { quarantined: is })).workers.map(({ workerId }) => workerId);
    expect([await quarantined('true'), await quarantined('false')]).toEqual([['worker-1'], ['worker-2']]);
  });

  it('may get a task through a call that was already open, and gets all again after its release', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, checkIntervalMs: 10 });
    await queue.create();
    await queue.claim();
    const alarms = clock.alarms();
    const open = queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 });
    // Its patience, and the next look.
    await waitFor(() => expect(clock.alarms()).toBe(alarms + 2));
    await queue.root.quarantineWorker(...NAME, { quarantineUntil: inMs(60_000) });
    await queue.create();
    await clock.advance(10);
    expect((await open).tasks).toHaveLength(1);
    await queue.root.quarantineWorker(...NAME, { quarantineUntil: inMs(-60_000) });
    await queue.create();
    expect((await queue.worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 })).tasks).toHaveLength(1);
  });
});

describe('calls for several tasks', () => {
  it('return tasks that exist, each once, to authorized callers', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    const taskIds = [taskId, 'VHJUZUZrQe-OGQsqYYXc0A', taskId];
    expect((await queue.root.tasks({ taskIds })).tasks.map(each => each.taskId)).toEqual([taskId]);
    const { statuses } = await queue.root.statuses({ taskIds });
    expect(statuses).toEqual([{ taskId, status: (await queue.root.status(taskId)).status }]);
    expect(await refusalOf(queue.nobody.statuses({ taskIds }))).toMatchObject({ status: 403 });
  });

  it('list the dependent tasks of a task', async () => {
    await using queue = await startQueue();
    const required = await queue.create();
    const dependent = await queue.create({ dependencies: [required] });
    const { tasks } = await queue.root.listDependentTasks(required);
    expect(tasks.map(({ status }) => [status.taskId, status.state])).toEqual([[dependent, 'unscheduled']]);
  });
});
