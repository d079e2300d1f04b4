import { ignoreElements, mergeMap, type OperatorFunction } from 'rxjs';
import type { PendingNotice } from '../../streams/index.ts';
import type { Claim, Queue } from '../../taskcluster/index.ts';
import { mayBePending, stillCounts } from './notice-demand.ts';
import type { WaitingCalls } from './waiting-calls.ts';

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

/** Whether a notice is no longer needed. Usually the call has received its task, or another call of the pool has. */
async function isAnswered(
  notice: PendingNotice,
  claims: readonly Claim[] | undefined,
  queue: Queue,
): Promise<boolean> {
  if (!claims) return false;
  const isOurs = claims.some(({ taskId, runId }) => taskId === notice.taskId && runId === notice.runId);
  if (isOurs) return true;
  // If the call has received a task, it owes the pool no other one.
  return claims.length > 0 ? !(await mayBePending(notice, queue)) : !(await stillCounts(notice, queue));
}
