import { catchError, defer, EMPTY, ignoreElements, switchMap, type Observable } from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import { REPORT_GRACE_MS, noClaimOpen } from '../run/grace.ts';

/**
 * Gives back a claim that arrived while this worker was shutting down. The queue then runs the task elsewhere
 * at once.
 */
export function giveBack(claim: Claim, worker: WorkerContext): Observable<never> {
  const { queue, tell } = worker;
  return defer(() => {
    tell({ type: 'giving-back', claim });
    return noClaimOpen(worker).pipe(
      switchMap(() =>
        queue.forRun(claim).reportException('worker-shutdown', AbortSignal.timeout(REPORT_GRACE_MS)),
      ),
    );
  }).pipe(
    ignoreElements(),
    catchError((err: unknown) => {
      tell({ type: 'give-back-failed', claim, err });
      return EMPTY;
    }),
  );
}
