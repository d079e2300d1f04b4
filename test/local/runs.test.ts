import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  cancel,
  claim,
  expireClaim,
  MAX_RUNS,
  reclaim,
  rerun,
  resolve,
  schedule,
} from '../../src/local/queue/tasks/runs.ts';
import { stateOf, type Task } from '../../src/local/queue/tasks/task.ts';

const WORKER = { workerGroup: 'group', workerId: 'worker' };
const DEADLINE = 1_000;

function task(retries = 2): Task {
  return {
    taskId: 'T',
    provisionerId: 'p',
    workerType: 'w',
    taskQueueId: 'p/w',
    schedulerId: '-',
    projectId: 'none',
    taskGroupId: 'T',
    dependencies: [],
    requires: 'all-completed',
    routes: [],
    priority: 'lowest',
    retries,
    created: 0,
    deadline: DEADLINE,
    expires: 2_000,
    scopes: [],
    payload: {},
    metadata: { name: '', description: '', owner: '', source: '' },
    tags: {},
    extra: {},
    retriesLeft: retries,
    runs: [],
  };
}

type Step = (task: Task, now: number) => Task | undefined;

const anyRun = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>(schedule),
  fc.constant<Step>(rerun),
  anyRun.map<Step>(runId => (before, now) => claim(before, runId, WORKER, now + 20, now)),
  anyRun.map<Step>(runId => (before, now) => reclaim(before, runId, now + 20)),
  fc
    .tuple(anyRun, fc.constantFrom('completed', 'failed', 'exception'), fc.boolean())
    .map<Step>(([runId, state, retry]) => (before, now) => {
      const reasonResolved = state === 'exception' ? 'worker-shutdown' : state;
      return resolve(before, runId, { state, reasonResolved, retryReason: retry ? 'retry' : undefined }, now);
    }),
  anyRun.map<Step>(runId => (before, now) => {
    return expireClaim(before, runId, before.runs[runId]?.takenUntil ?? 0, now);
  }),
  fc
    .constantFrom('canceled', 'deadline-exceeded')
    .map<Step>(reason => (before, now) => cancel(before, reason, now)),
);

describe('the runs of a task', () => {
  it('keep these rules for any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(3), (steps, retries) => {
        let before = task(retries);
        steps.forEach((take, now) => {
          const after = take(before, now);
          if (!after) return;
          // What is over stays as it is, and no run goes away.
          expect(after.runs.slice(0, before.runs.length - 1)).toEqual(before.runs.slice(0, -1));
          expect(after.runs.length - before.runs.length).toBeOneOf([0, 1]);
          expect(after.runs.length).toBeLessThanOrEqual(MAX_RUNS);
          expect(after.retriesLeft).toBeGreaterThanOrEqual(0);
          expect(after.retriesLeft).toBeLessThanOrEqual(retries);
          // Only the last run may be going on.
          expect(after.runs.slice(0, -1).every(run => run.resolved !== undefined)).toBe(true);
          for (const run of after.runs) {
            const isOver = !['pending', 'running'].includes(run.state);
            expect(run.resolved !== undefined).toBe(isOver);
            expect(run.reasonResolved !== undefined).toBe(isOver);
            if (run.state === 'running') expect(run).toMatchObject(WORKER);
            if (run.state === 'pending') expect(run.workerId).toBeUndefined();
          }
          before = after;
        });
      }),
    );
  });

  it('do not mutate the task that they are made from', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        let before = task();
        steps.forEach((take, now) => {
          const copy = structuredClone(before);
          const after = take(before, now);
          expect(before).toEqual(copy);
          before = after ?? before;
        });
      }),
    );
  });

  it('are retried while retries are left', () => {
    const running = (before: Task) => claim(before, before.runs.length - 1, WORKER, 20, 1) ?? before;
    const lose = (before: Task) =>
      resolve(
        running(before),
        before.runs.length - 1,
        { state: 'exception', reasonResolved: 'worker-shutdown', retryReason: 'retry' },
        2,
      ) ?? before;
    const once = lose(schedule(task(1), 0) ?? task());
    expect([stateOf(once), once.retriesLeft, once.runs.length]).toEqual(['pending', 0, 2]);
    const twice = lose(once);
    expect([stateOf(twice), twice.retriesLeft, twice.runs.length]).toEqual(['exception', 0, 2]);
  });

  it('have all retries again after a rerun, up to the maximum number of runs', () => {
    let again = cancel(task(5), 'canceled', 0) ?? task();
    again = { ...again, retriesLeft: 0 };
    again = rerun(again, 1) ?? again;
    expect(again.retriesLeft).toBe(5);
    while (again.runs.length < MAX_RUNS) again = rerun(cancel(again, 'canceled', 2) ?? again, 3) ?? again;
    expect(again.retriesLeft).toBe(0);
    expect(rerun(cancel(again, 'canceled', 4) ?? again, 5)).toBeUndefined();
  });

  it('are not ended for a claim that was renewed, or after the deadline', () => {
    const running = claim(schedule(task(), 0) ?? task(), 0, WORKER, 20, 1) ?? task();
    const renewed = reclaim(running, 0, 40) ?? task();
    expect(expireClaim(renewed, 0, 20, 21)).toBeUndefined();
    expect(expireClaim(renewed, 0, 40, DEADLINE + 1)).toBeUndefined();
    expect(stateOf(expireClaim(renewed, 0, 40, 41) ?? task())).toBe('pending');
  });
});
