import { ignoreElements, mergeMap, type OperatorFunction } from 'rxjs';
import type { PendingNotice } from '../../streams/index.ts';
import type { Claim, Queue } from '../../taskcluster/index.ts';
import type { WaitingCalls } from './waiting-calls.ts';

/** Time limit for the question about a task's status, in ms. */
const STATUS_MS = 4_000;

/** Lets waiting calls take notices, and settles each notice when its call is over. A notice that none takes is given back. */
export function takenByWaitingCalls(
  queue: Queue,
  waiting: WaitingCalls,
): OperatorFunction<PendingNotice, never> {
  return notices$ =>
    notices$.pipe(
      mergeMap(async notice => {
        const { promise, resolve } = Promise.withResolvers<readonly Claim[] | undefined>();
        const isTaken = waiting.take(resolve);
        if (isTaken && (await isAnswered(notice, await promise, queue))) notice.done();
        else notice.giveBack();
      }),
      ignoreElements(),
    );
}

/**
 * Whether a notice is no longer needed. Usually its task is among the claims of the call, or another call of the pool
 * has received it.
 */
async function isAnswered(
  { taskId, runId }: PendingNotice,
  claims: readonly Claim[] | undefined,
  queue: Queue,
): Promise<boolean> {
  if (!claims) return false;
  if (claims.some(claim => claim.taskId === taskId && claim.runId === runId)) return true;
  try {
    const status = await queue.status(taskId, AbortSignal.timeout(STATUS_MS));
    return status !== undefined && status.runs[runId]?.state !== 'pending';
  } catch {
    return false;
  }
}
