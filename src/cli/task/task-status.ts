import type { QueueApi } from '../../taskcluster/index.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/** The status of a task, as the queue returns it. */
export type Status = QueueApi['status']['output']['status'];
type Run = Status['runs'][number];

/** Describes the state of a run: `running`, `completed`, or with a reason `exception, worker-shutdown`. */
export function describeRun(run: Run | undefined): string {
  if (!run) return 'unscheduled';
  const { state, reasonResolved } = run;
  return reasonResolved === undefined || reasonResolved === state ? state : `${state}, ${reasonResolved}`;
}

/** Describes the state of a task by its latest run. */
export function describeTask({ state, runs }: Status): string {
  const latest = runs.at(-1);
  return latest?.state === state ? describeRun(latest) : state;
}

/** Whether the task will have no further runs. */
export function isResolved({ state }: Status): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}

/** @throws Failure 66 for a task that has no such run */
export function assertRun({ taskId, runs }: Status, runId: number): void {
  if (runs[runId]) return;
  const numbers = ['it has no runs', 'it has run 0'][runs.length] ?? `it has runs 0 to ${runs.length - 1}`;
  throw new Failure(TASK_EXIT_CODES.notFound.code, `task ${taskId} has no run ${runId}: ${numbers}`);
}
