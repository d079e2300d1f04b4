import { catchError, defer, EMPTY, ignoreElements, type Observable } from 'rxjs';
import type { Claim } from '../queue/index.ts';
import type { WorkerContext } from './context.ts';
import { HURRY_MS } from './run/hurry.ts';

/** Gives a claim back that came when this worker was already going: the queue runs it elsewhere, at once. */
export function giveBack(claim: Claim, { queue, tell }: WorkerContext): Observable<never> {
  return defer(() => {
    tell({ type: 'giving-back', claim });
    return queue.forRun(claim).reportException('worker-shutdown', AbortSignal.timeout(HURRY_MS));
  }).pipe(
    ignoreElements(),
    catchError((err: unknown) => {
      tell({ type: 'give-back-failed', claim, err });
      return EMPTY;
    }),
  );
}
