import { claimGrant, type TemporaryCredentials } from '../../auth/temporary-credentials.ts';
import { taskRunning } from '../messages.ts';
import type { Queue } from '../queue.ts';
import type { PendingRun } from '../tasks/pending-runs.ts';
import { claim } from '../tasks/runs.ts';
import { definitionOf, statusOf, type Definition, type Status } from '../tasks/task.ts';
import { postgresTime } from '../../times.ts';

export interface Worker {
  readonly workerGroup: string;
  readonly workerId: string;
}

/** What a worker learns about a run that it has claimed. */
export interface Claim extends Worker {
  readonly status: Status;
  readonly runId: number;
  readonly takenUntil: string;
  readonly task: Definition;
  readonly credentials: TemporaryCredentials;
}

/**
 * Gives a worker up to `count` runs. Returns those that are pending, or waits for some until `signal` is
 * aborted. A worker that is in quarantine at the start gets nothing. Runs that are being claimed at the moment
 * of an abort stay claimed, even if nobody learns of it.
 *
 * @throws when no run could be announced. The runs are then pending again
 */
export async function claimWork(
  queue: Queue,
  taskQueueId: string,
  worker: Worker,
  count: number,
  signal: AbortSignal,
): Promise<Claim[]> {
  const name = { taskQueueId, ...worker };
  const { quarantineUntil = 0 } = queue.workers.seen(name, queue.clock.now());
  if (quarantineUntil > queue.clock.now()) return aborted(signal);
  while (!signal.aborted) {
    const runs = await queue.waitingCalls.next(taskQueueId, count, signal);
    if (runs.length === 0) return [];
    const results = await Promise.allSettled(runs.map(run => claimRun(queue, run, worker)));
    const claims = results.flatMap(result => (result.status === 'fulfilled' ? (result.value ?? []) : []));
    if (claims.length > 0) {
      const claimed = claims.map(({ status: { taskId }, runId }) => ({ taskId, runId }));
      queue.workers.claimed(name, claimed);
      return claims;
    }
    const failed = results.find(result => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
  return [];
}

function aborted(signal: AbortSignal): Promise<[]> {
  return new Promise(resolve => {
    if (signal.aborted) resolve([]);
    else signal.addEventListener('abort', () => resolve([]), { once: true });
  });
}

async function claimRun(
  queue: Queue,
  { taskId, runId }: PendingRun,
  { workerGroup, workerId }: Worker,
): Promise<Claim | undefined> {
  const { store, clock, claimTimeoutMs } = queue;
  const now = clock.now();
  const takenUntil = now + claimTimeoutMs;
  const pending = store.find(taskId);
  const claimed = pending && claim(pending, runId, { workerGroup, workerId }, takenUntil, now);
  if (!claimed) return undefined;
  store.save(claimed);
  queue.claimResolver.watch(taskId, runId, takenUntil);
  try {
    await queue.publisher.publish(taskRunning(claimed));
  } catch (error) {
    // The worker never learns of this claim, so it would stay "running" until it expires.
    if (store.find(taskId) === claimed) store.save(pending);
    throw error;
  }
  const run = { taskId, runId, workerGroup, workerId, takenUntil };
  return {
    status: statusOf(claimed),
    runId,
    workerGroup,
    workerId,
    takenUntil: postgresTime(takenUntil),
    task: definitionOf(claimed),
    credentials: queue.issue(claimGrant(run, claimed.scopes, now)),
  };
}
