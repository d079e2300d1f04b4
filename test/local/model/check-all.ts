import { expect } from 'vitest';

import { statusOf } from '../../../src/local/queue/tasks/task.ts';
import { checkStep, checkTask } from './invariants.ts';
import type { QueueAtHand } from './queue-at-hand.ts';
import { TASK_QUEUE_ID, type QueueModel } from './queue-model.ts';

/** What each queue looked like when it was last checked. */
const last = new WeakMap<QueueAtHand, Map<string, ReturnType<typeof statusOf>>>();

/** Compares a queue with the model, and checks what holds without one. */
export function checkAll(model: QueueModel, real: QueueAtHand): void {
  const { queue, clock, errors } = real;
  expect(errors).toEqual([]);
  expect(clock.now()).toBe(model.now);
  const before = last.get(real) ?? new Map<string, ReturnType<typeof statusOf>>();
  last.set(real, before);
  for (const expected of model.tasks.values()) {
    const task = queue.store.get(expected.taskId);
    checkTask(task);
    const status = statusOf(task);
    const earlier = before.get(task.taskId);
    if (earlier) checkStep(earlier, status);
    before.set(task.taskId, status);
    const { priority, retriesLeft } = task;
    const runs = task.runs.map(
      ({ state, reasonCreated, reasonResolved, workerId, takenUntil, scheduled }) => ({
        state,
        reasonCreated,
        reasonResolved,
        workerId,
        takenUntil,
        scheduled,
      }),
    );
    expect({ priority, retriesLeft, runs }).toEqual({
      priority: expected.priority,
      retriesLeft: expected.retriesLeft,
      runs: expected.runs,
    });
  }
  checkLists(model, real);
  expect(sorted(countMessages(real)), 'each run is announced as often as it should').toEqual(
    sorted(model.announced),
  );
}

function checkLists(model: QueueModel, { queue, clock }: QueueAtHand): void {
  const { pending } = queue.store;
  const line = model.claimable();
  expect(pending.count(TASK_QUEUE_ID, clock.now())).toBe(line.length);
  const listed = pending.list(TASK_QUEUE_ID, clock.now());
  expect(listed.map(({ taskId }) => taskId).sort()).toEqual(line.map(({ taskId }) => taskId).sort());
  const running = [...model.tasks.values()].filter(task => model.stateOf(task) === 'running');
  const claimed = queue.store.claimed(TASK_QUEUE_ID);
  expect(claimed.map(({ taskId }) => taskId).sort()).toEqual(running.map(({ taskId }) => taskId).sort());
}

const GROUP_RESOLVED = 'task-group-resolved';
const OF_RUNS = /task-(pending|running|completed|failed|exception)$/;

function countMessages({ messages }: QueueAtHand): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { exchange, body } of messages) {
    const what = OF_RUNS.exec(exchange)?.[0];
    if (exchange.endsWith(GROUP_RESOLVED)) count(`${GROUP_RESOLVED}/all/0`);
    if (what === undefined) continue;
    const { status, runId } = body as { status: { taskId: string }; runId: number };
    count(`${what}/${status.taskId}/${runId}`);
  }
  return counts;
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
}
