import { longTimer } from '../../streams/index.ts';
import { map, merge, NEVER, of, switchMap, take, type Observable } from 'rxjs';
import type { WorkerContext } from '../life/context.ts';

/** How long a worker that has to exit retries a report, in ms. After that, the claim may as well expire. */
export const REPORT_GRACE_MS = 10_000;

/**
 * Emits halfway through `shutdownGraceSecs`. Commands are killed then, and runs that still upload are reported:
 * the other half is for reporting. A forced worker has no time at all.
 */
export function halfOfGrace(worker: StoppingWorker): Observable<unknown> {
  return partOfTheTime(worker, graceMs => graceMs / 2);
}

/** Within the grace period of a spot notice there is time for a long poll of 20 s and the report after it. */
const LAST_CALLS_MS = 4_000;

/**
 * Emits when a run may be given back to the queue, which makes its task pending. While a `claimWork` of this worker
 * is open, this worker would receive the task again, and the task would lose a second retry. So this waits for the
 * answer, but at most until four seconds before the end of `shutdownGraceSecs` or until half of it, whichever is
 * later.
 */
export function noClaimOpen(
  worker: StoppingWorker & Pick<WorkerContext, 'noClaimOpen$'>,
): Observable<unknown> {
  return merge(worker.noClaimOpen$ ?? of(undefined), uploadsEnd(worker)).pipe(take(1));
}

/** Whether {@link noClaimOpen} has to wait. Emits once, immediately. */
export function isClaimOpen(worker: Parameters<typeof noClaimOpen>[0]): Observable<boolean> {
  return merge(noClaimOpen(worker).pipe(map(() => false)), of(true)).pipe(take(1));
}

/**
 * Emits when a run that was given back stops its uploads. The remaining time is for the log, the files and Pulse. It
 * is four seconds, or half of the grace period if that is less.
 */
export function uploadsEnd(worker: StoppingWorker): Observable<unknown> {
  return partOfTheTime(worker, graceMs => Math.max(graceMs / 2, graceMs - LAST_CALLS_MS));
}

type StoppingWorker = Pick<WorkerContext, 'shutdown$' | 'config' | 'graceMs'>;

function partOfTheTime(
  { shutdown$, config, graceMs: given }: StoppingWorker,
  part: (graceMs: number) => number,
): Observable<unknown> {
  return shutdown$.pipe(
    switchMap(shutdownAt => {
      const graceMs = given?.() ?? config.shutdownGraceSecs * 1_000;
      if (shutdownAt === -Infinity) return of(undefined);
      return graceMs === 0 ? NEVER : longTimer(shutdownAt + part(graceMs) - performance.now());
    }),
  );
}
