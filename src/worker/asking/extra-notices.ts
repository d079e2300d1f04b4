import { ignoreElements, mergeMap, type OperatorFunction } from 'rxjs';
import type { PendingNotice } from '../../streams/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { WaitingCalls } from './waiting-calls.ts';

/** Time limit for the question how many tasks are pending, in ms. */
const PENDING_MS = 4_000;

/**
 * Lets waiting calls take notices, and settles each notice when its call is over. A notice that no call takes is
 * given back.
 */
export function takenByWaitingCalls(
  queue: Queue,
  waiting: WaitingCalls,
): OperatorFunction<PendingNotice, never> {
  return notices$ =>
    notices$.pipe(
      mergeMap(async notice => {
        const { promise: isAnswered, resolve } = Promise.withResolvers<boolean>();
        const isTaken = waiting.take(resolve);
        if (isTaken && (await isAnswered) && (await isNothingPending(queue))) notice.done();
        else notice.giveBack();
      }),
      ignoreElements(),
    );
}

/**
 * Whether the pool needs no further call. The task of the notice itself says little: another call may have received it
 * and left its own task, for which there is no other notice. Without an answer, a task may be pending.
 */
async function isNothingPending(queue: Queue): Promise<boolean> {
  try {
    return (await queue.pendingTasks(AbortSignal.timeout(PENDING_MS))) === 0;
  } catch {
    return false;
  }
}
