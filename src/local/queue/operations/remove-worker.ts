import { taskException, taskPending } from '../messages.ts';
import type { Queue } from '../queue.ts';
import { resolve } from '../tasks/runs.ts';
import { stateOf } from '../tasks/task.ts';

interface RemovedWorker {
  readonly workerPoolId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

/** Ends the runs of a worker that worker-manager has removed. They are retried elsewhere. */
export async function removeWorker(
  { store, publisher, clock, dependencyResolver }: Queue,
  { workerPoolId, workerGroup, workerId }: RemovedWorker,
): Promise<void> {
  for (const task of store.claimed(workerPoolId)) {
    const runId = task.runs.length - 1;
    const run = task.runs[runId];
    if (run?.workerGroup !== workerGroup || run.workerId !== workerId) continue;
    const resolution = {
      state: 'exception',
      reasonResolved: 'worker-shutdown',
      retryReason: 'retry',
    } as const;
    const resolved = resolve(task, runId, resolution, clock.now());
    if (!resolved) continue;
    store.save(resolved);
    await publisher.publish(taskException(resolved, runId));
    if (stateOf(resolved) === 'pending') await publisher.publish(taskPending(resolved));
    else dependencyResolver.resolveSoon(resolved, 'exception');
  }
}
