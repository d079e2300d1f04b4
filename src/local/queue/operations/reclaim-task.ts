import { claimGrant } from '../../auth/temporary-credentials.ts';
import type { Queue } from '../queue.ts';
import { reclaim } from '../tasks/runs.ts';
import { statusOf } from '../tasks/task.ts';
import { isoTime } from '../../times.ts';
import type { Claim } from './claim-work.ts';
import { getRun, notRunning, pastDeadline } from './conflicts.ts';

/**
 * Extends a claim by another `claimTimeoutMs`, with new credentials.
 *
 * @throws ApiError `RequestConflict` once the task's deadline has passed, or the run is over
 */
export function reclaimTask(queue: Queue, taskId: string, runId: number): Omit<Claim, 'task'> {
  const { store, clock, claimTimeoutMs } = queue;
  const task = store.get(taskId);
  const { workerGroup = '', workerId = '' } = getRun(task, runId);
  const now = clock.now();
  if (task.deadline <= now) throw pastDeadline(task, 'reclaimed');
  const takenUntil = now + claimTimeoutMs;
  const reclaimed = reclaim(task, runId, takenUntil);
  if (!reclaimed) throw notRunning(task, runId);
  store.save(reclaimed);
  queue.claimResolver.watch(taskId, runId, takenUntil);
  const run = { taskId, runId, workerGroup, workerId, takenUntil };
  return {
    status: statusOf(reclaimed),
    runId,
    workerGroup,
    workerId,
    takenUntil: isoTime(takenUntil),
    credentials: queue.issue(claimGrant(run, task.scopes, now)),
  };
}
