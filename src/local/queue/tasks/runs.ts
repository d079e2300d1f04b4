/**
 * The transitions of a task's runs, each as a function from a task to the resulting task.
 *
 * Each returns undefined when the task is not in a suitable state, so nothing happens. Times are milliseconds
 * since the epoch.
 *
 * @module
 */
import type { ReasonCreated, ReasonResolved, Run, Task } from './task.ts';

/** The queue's limit for the runs of a task. */
export const MAX_RUNS = 50;

/** Makes an unscheduled task pending. */
export function schedule(task: Task, now: number): Task | undefined {
  if (task.runs.length > 0) return undefined;
  return { ...task, runs: [pending('scheduled', now)] };
}

/** Gives a pending run to a worker. */
export function claim(
  task: Task,
  runId: number,
  worker: { workerGroup: string; workerId: string },
  takenUntil: number,
  now: number,
): Task | undefined {
  const run = lastRun(task, runId, 'pending');
  if (!run) return undefined;
  const { workerGroup, workerId } = worker;
  return withLastRun(task, { ...run, state: 'running', workerGroup, workerId, takenUntil, started: now });
}

/** Extends the claim of a run. */
export function reclaim(task: Task, runId: number, takenUntil: number): Task | undefined {
  const run = lastRun(task, runId, 'running');
  return run && withLastRun(task, { ...run, takenUntil });
}

export interface Resolution {
  readonly state: 'completed' | 'failed' | 'exception';
  readonly reasonResolved: ReasonResolved;
  /** The reason for a new run. Without it, or without retries left, there is none. */
  readonly retryReason?: ReasonCreated | undefined;
}

/** Ends a running run. */
export function resolve(task: Task, runId: number, resolution: Resolution, now: number): Task | undefined {
  const run = lastRun(task, runId, 'running');
  if (!run) return undefined;
  const { state, reasonResolved, retryReason } = resolution;
  const resolved = withLastRun(task, { ...run, state, reasonResolved, resolved: now });
  if (retryReason === undefined || task.retriesLeft === 0) return resolved;
  return {
    ...resolved,
    retriesLeft: task.retriesLeft - 1,
    runs: [...resolved.runs, pending(retryReason, now)],
  };
}

/**
 * Ends a run whose claim has expired. A renewed claim has another `takenUntil`. A task past its deadline is
 * left to the deadline resolver.
 */
export function expireClaim(task: Task, runId: number, takenUntil: number, now: number): Task | undefined {
  if (task.runs[runId]?.takenUntil !== takenUntil || task.deadline < now) return undefined;
  return resolve(
    task,
    runId,
    { state: 'exception', reasonResolved: 'claim-expired', retryReason: 'retry' },
    now,
  );
}

/** Ends a task in any state. If it was never scheduled, a run is added that says so. */
export function cancel(task: Task, reasonResolved: ReasonResolved, now: number): Task | undefined {
  const run = task.runs.at(-1);
  if (!run) {
    const never: Run = {
      state: 'exception',
      reasonCreated: 'exception',
      reasonResolved,
      scheduled: now,
      resolved: now,
    };
    return { ...task, runs: [never] };
  }
  if (run.state !== 'pending' && run.state !== 'running') return undefined;
  return withLastRun(task, { ...run, state: 'exception', reasonResolved, resolved: now });
}

/** Makes a task pending again, with all of its retries. */
export function rerun(task: Task, now: number): Task | undefined {
  const run = task.runs.at(-1);
  if (run?.state === 'pending' || run?.state === 'running' || task.runs.length >= MAX_RUNS) return undefined;
  return {
    ...task,
    retriesLeft: Math.min(task.retries, MAX_RUNS - task.runs.length - 1),
    runs: [...task.runs, pending('rerun', now)],
  };
}

function pending(reasonCreated: ReasonCreated, now: number): Run {
  return { state: 'pending', reasonCreated, scheduled: now };
}

/** Returns the run, if it is the task's last one and in that state. */
function lastRun(task: Task, runId: number, state: Run['state']): Run | undefined {
  const run = task.runs[runId];
  return runId === task.runs.length - 1 && run?.state === state ? run : undefined;
}

function withLastRun(task: Task, run: Run): Task {
  return { ...task, runs: [...task.runs.slice(0, -1), run] };
}
