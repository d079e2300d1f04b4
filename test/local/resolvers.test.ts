import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, WORKER, type QueueUnderTest } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

async function runsOf(queue: QueueUnderTest, taskId: string) {
  return (await queue.root.status(taskId)).status.runs;
}

describe('a task past its deadline', () => {
  it('cannot be reclaimed from that moment on, and is resolved a little later', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, deadlineDelayMs: 60_000 });
    const deadline = new Date(clock.now() + 15_000).toISOString();
    const taskId = await queue.create({ deadline });
    const { run } = await queue.claim();
    await clock.advance(15_000);
    expect(await refusalOf(run.reclaimTask(taskId, 0))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text: `Task \`${taskId}\` can't be reclaimed past its deadline of ${deadline}.`,
    });
    await clock.advance(59_999);
    expect((await runsOf(queue, taskId))[0]?.state).toBe('running');
    await clock.advance(1);
    expect(await runsOf(queue, taskId)).toEqual([
      expect.objectContaining({ state: 'exception', reasonResolved: 'deadline-exceeded', ...WORKER }),
    ]);
    expect(await refusalOf(run.reportCompleted(taskId, 0))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
  });

  it('is announced without the worker, even if one has claimed the run', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const taskId = await queue.create({ deadline: new Date(clock.now() + 15_000).toISOString() });
    await queue.claim();
    await clock.advance(20_000);
    expect(queue.published().slice(3)).toEqual(['task-group-resolved', 'task-exception']);
    expect(queue.messages.at(-1)).toMatchObject({
      routingKey: `primary.${taskId}.0._._.proj-test.pool.-.${taskId}._`,
      body: { runId: 0, status: { state: 'exception' } },
    });
    expect(queue.messages.at(-1)?.body).not.toHaveProperty('workerId');
  });

  it('is resolved whether it is pending, unscheduled, or rerun', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const deadline = new Date(clock.now() + 15_000).toISOString();
    const pending = await queue.create({ deadline, expires: undefined });
    const unscheduled = await queue.create({ deadline, dependencies: [pending] });
    const again = await queue.create({ deadline });
    await queue.root.cancelTask(again);
    await queue.root.rerunTask(again);
    await clock.advance(20_000);
    expect(await runsOf(queue, pending)).toMatchObject([{ reasonResolved: 'deadline-exceeded' }]);
    expect(await runsOf(queue, unscheduled)).toMatchObject([
      { reasonCreated: 'exception', reasonResolved: 'deadline-exceeded' },
    ]);
    expect(await runsOf(queue, again)).toMatchObject([
      { reasonResolved: 'canceled' },
      { reasonResolved: 'deadline-exceeded' },
    ]);
  });

  it('is unchanged if it was resolved before', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const taskId = await queue.create({ deadline: new Date(clock.now() + 15_000).toISOString() });
    const { run } = await queue.claim();
    await run.reportCompleted(taskId, 0);
    await clock.advance(20_000);
    expect(await runsOf(queue, taskId)).toMatchObject([{ state: 'completed' }]);
    expect(queue.published()).not.toContain('task-exception');
  });
});

describe('a claim that is not renewed', () => {
  it('is resolved as claim-expired, and the run is retried', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, claimTimeoutMs: 25_000, claimDelayMs: 5_000 });
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await clock.advance(29_999);
    expect(await runsOf(queue, taskId)).toMatchObject([{ state: 'running' }]);
    await clock.advance(1);
    const { status } = await queue.root.status(taskId);
    expect(status).toMatchObject({ state: 'pending', retriesLeft: 4 });
    expect(status.runs).toEqual([
      expect.objectContaining({ state: 'exception', reasonResolved: 'claim-expired', ...WORKER }),
      { runId: 1, state: 'pending', reasonCreated: 'retry', scheduled: status.runs[0]?.resolved },
    ]);
    expect(queue.messages.slice(-2)).toMatchObject([
      {
        exchange: 'exchange/taskcluster-queue/v1/task-exception',
        routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
        body: { status, runId: 0, ...WORKER },
      },
      {
        exchange: 'exchange/taskcluster-queue/v1/task-pending',
        routingKey: `primary.${taskId}.1._._.proj-test.pool.-.${taskId}._`,
        body: { status, runId: 1 },
      },
    ]);
    expect(await refusalOf(run.reclaimTask(taskId, 0))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
    expect(await refusalOf(run.reportCompleted(taskId, 0))).toMatchObject({
      status: 409,
      code: 'RequestConflict',
    });
    expect((await queue.claim()).claim.runId).toBe(1);
  });

  it('resolves the task if no retries are left', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, claimTimeoutMs: 25_000 });
    const taskId = await queue.create({ retries: 0 });
    await queue.claim();
    await clock.advance(30_000);
    expect(await runsOf(queue, taskId)).toMatchObject([{ reasonResolved: 'claim-expired' }]);
    expect(queue.published().slice(-2)).toEqual(['task-exception', 'task-group-resolved']);
  });

  it('expires after its last renewal', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, claimTimeoutMs: 25_000 });
    const taskId = await queue.create();
    const { run } = await queue.claim();
    await clock.advance(20_000);
    const { takenUntil } = await run.reclaimTask(taskId, 0);
    await clock.advance(25_000);
    expect(await runsOf(queue, taskId)).toMatchObject([{ state: 'running', takenUntil }]);
    await clock.advance(1_000);
    expect(await runsOf(queue, taskId)).toMatchObject([
      { reasonResolved: 'claim-expired' },
      { state: 'pending' },
    ]);
  });

  it('is left to the deadline after that has passed', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock, claimTimeoutMs: 25_000, deadlineDelayMs: 60_000 });
    const taskId = await queue.create({ deadline: new Date(clock.now() + 20_000).toISOString() });
    await queue.claim();
    await clock.advance(70_000);
    expect(await runsOf(queue, taskId)).toMatchObject([{ state: 'running' }]);
    await clock.advance(10_000);
    expect(await runsOf(queue, taskId)).toMatchObject([{ reasonResolved: 'deadline-exceeded' }]);
  });
});
