import { catchError, defer, EMPTY, ignoreElements, type Observable } from 'rxjs';
import type { Claim } from '../queue/index.ts';
import type { WorkerContext } from './context.ts';
import { HURRY_MS } from './run/resolve.ts';

/** Gives a claim back that came when this worker was already going: the queue runs it elsewhere, at once. */
export function giveBack(claim: Claim, { queue, logger }: WorkerContext): Observable<never> {
  const { taskId, runId } = claim;
  return defer(() => {
    logger.info({ taskId, runId }, 'giving a claim back, since the worker is going');
    return queue.forRun(claim).reportException('worker-shutdown', AbortSignal.timeout(HURRY_MS));
  }).pipe(
    ignoreElements(),
    catchError((err: unknown) => {
      logger.error({ taskId, runId, err }, 'could not give the claim back; it will expire');
      return EMPTY;
    }),
  );
}
