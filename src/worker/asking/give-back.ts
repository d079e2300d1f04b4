import { catchError, defer, EMPTY, ignoreElements, switchMap, type Observable } from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { GiveBackReason } from '../events.ts';
import type { WorkerContext } from '../life/context.ts';
import { REPORT_GRACE_MS, noClaimOpen } from '../run/grace.ts';

/** Gives a claim back that this worker cannot run: the queue makes a new run of the task at once. */
export function giveBack(claim: Claim, worker: WorkerContext, because: GiveBackReason): Observable<never> {
  const { queue, emit } = worker;
  return defer(() => {
    emit({ type: 'giving-back', claim, because });
    return noClaimOpen(worker).pipe(
      switchMap(() =>
        queue.forRun(claim).reportException('worker-shutdown', AbortSignal.timeout(REPORT_GRACE_MS)),
      ),
    );
  }).pipe(
    ignoreElements(),
    catchError((err: unknown) => {
      emit({ type: 'give-back-failed', claim, err });
      return EMPTY;
    }),
  );
}
