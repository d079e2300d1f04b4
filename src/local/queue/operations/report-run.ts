import type { TaskExceptionRequest } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import { taskEnded, taskException, taskPending } from '../messages.ts';
import type { Queue } from '../queue.ts';
import { resolve } from '../tasks/runs.ts';
import type { ReasonCreated, Task } from '../tasks/task.ts';
import { getRun, notRunning } from './conflicts.ts';

type ReportedReason = TaskExceptionRequest['reason'];

/** The reasons of an exception that a worker may report, with the reason of the new run that follows. */
const RETRY_REASONS: Readonly<Partial<Record<ReportedReason, ReasonCreated>>> = {
  'worker-shutdown': 'retry',
  'intermittent-task': 'task-retry',
};

/**
 * Ends a run as completed or failed. Repeating the report announces it again.
 *
 * @throws ApiError `RequestConflict` when the run has ended differently
 */
export async function reportEnded(
  queue: Queue,
  taskId: string,
  runId: number,
  state: 'completed' | 'failed',
): Promise<Task> {
  const { store, clock, publisher } = queue;
  const task = store.get(taskId);
  const run = getRun(task, runId);
  if (run.state !== 'running' && run.state !== state) {
    throw new ApiError('RequestConflict', `Run ${runId} of task \`${taskId}\` is not running or ${state}.`);
  }
  const resolved = resolve(task, runId, { state, reasonResolved: state }, clock.now()) ?? task;
  if (resolved.runs.length !== runId + 1) throw notRunning(task, runId);
  store.save(resolved);
  try {
    await publisher.publish(taskEnded(resolved, runId, state));
  } finally {
    queue.dependencyResolver.resolveSoon(resolved, state);
  }
  return resolved;
}

/**
 * Ends a run as an exception. For some reasons, a new run follows while retries are left.
 *
 * @throws ApiError `RequestConflict` when the run has ended differently
 */
export async function reportException(
  queue: Queue,
  taskId: string,
  runId: number,
  reasonResolved: ReportedReason,
): Promise<Task> {
  const { store, clock, publisher } = queue;
  const task = store.get(taskId);
  getRun(task, runId);
  const resolution = {
    state: 'exception',
    reasonResolved,
    retryReason: RETRY_REASONS[reasonResolved],
  } as const;
  const resolved = resolve(task, runId, resolution, clock.now()) ?? task;
  const run = getRun(resolved, runId);
  if (run.reasonResolved !== reasonResolved || resolved.runs.length > runId + 2)
    throw notRunning(task, runId);
  store.save(resolved);
  const next = resolved.runs[runId + 1];
  const isRetried = next?.reasonCreated === 'retry' || next?.reasonCreated === 'task-retry';
  try {
    await publisher.publish(taskException(resolved, runId));
    if (isRetried && next.state === 'pending') await publisher.publish(taskPending(resolved));
  } finally {
    if (!isRetried) queue.dependencyResolver.resolveSoon(resolved, 'exception');
  }
  return resolved;
}
