import { expect } from 'vitest';

import { statusOf, type Run, type Task } from '../../../src/local/queue/tasks/task.ts';

type Status = ReturnType<typeof statusOf>;

/** Into which states a run may go from which. */
const STEPS: Readonly<Record<Run['state'], readonly Run['state'][]>> = {
  pending: ['pending', 'running', 'exception'],
  running: ['running', 'completed', 'failed', 'exception'],
  completed: ['completed'],
  failed: ['failed'],
  exception: ['exception'],
};

/** What holds of every task at every time, whatever happened. */
export function checkTask(task: Task): void {
  const { runs, retriesLeft, retries, deadline } = task;
  expect(retriesLeft).toBeGreaterThanOrEqual(0);
  expect(retriesLeft).toBeLessThanOrEqual(retries);
  runs.forEach((run, runId) => {
    const isLast = runId === runs.length - 1;
    const isOver = ['completed', 'failed', 'exception'].includes(run.state);
    expect(isOver || isLast, 'only the last run is open').toBe(true);
    expect(run.resolved !== undefined, 'what is over has an end').toBe(isOver);
    expect(run.reasonResolved !== undefined).toBe(isOver);
    expect(run.started !== undefined, 'what was claimed has a worker').toBe(run.workerId !== undefined);
    expect(run.started ?? 0, 'no run starts after the deadline').toBeLessThan(deadline);
    if (run.state === 'running' || run.state === 'completed' || run.state === 'failed') {
      expect(run.workerId).toBeDefined();
    }
  });
}

/** What holds of a task between two times: runs are only added, each goes its way, and is claimed once. */
export function checkStep(before: Status, after: Status): void {
  expect(after.runs.length).toBeGreaterThanOrEqual(before.runs.length);
  before.runs.forEach((run, runId) => {
    const later = after.runs[runId];
    if (!later) throw new Error('a run is gone');
    expect(STEPS[run.state]).toContain(later.state);
    if (run.resolved !== undefined) expect(later, 'what is over stays as it is').toEqual(run);
    if (run.started === undefined) return;
    const { workerGroup, workerId, started } = later;
    expect({ workerGroup, workerId, started }, 'a run is claimed once').toEqual({
      workerGroup: run.workerGroup,
      workerId: run.workerId,
      started: run.started,
    });
  });
}
