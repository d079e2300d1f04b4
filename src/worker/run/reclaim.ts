import {
  BehaviorSubject,
  catchError,
  defer,
  exhaustMap,
  ignoreElements,
  map,
  merge,
  NEVER,
  of,
  retry,
  take,
  tap,
  throwError,
  timer,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { fullJitter, type Backoff } from '../../pulse/index.ts';
import { QueueError, type Claim, type Lease } from '../../queue/index.ts';
import { claimExpiry, renewals } from '../../streams/index.ts';
import type { Tell } from '../events.ts';

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
/** A pause is also no more than a quarter of what is left of the claim, but for this (ms). */
const SHORTEST_PAUSE_MS = 250;

/**
 * Keeps a claim: renews it before it expires, and emits once when it is lost, because the queue says so (409) or
 * because it ran out. Any other failure is tried again until then.
 *
 * The lengths of claims are differences of the queue's own times, laid on this machine's clock: the two clocks
 * need not agree.
 *
 * @param renew asks the queue. It goes on after the claim is lost, and `resolve` looks at what comes of it
 */
export function reclaim(claim: Claim, renew: () => Promise<Lease>, tell: Tell): Observable<'claim-lost'> {
  return defer(() => {
    let takenUntilMs = claim.lease.takenUntilMs;
    let endsAt = (claim.madeAt ?? performance.now()) + (takenUntilMs - claim.startedMs);
    const remaining = () => ({ forMs: endsAt - performance.now() });
    const lease$ = new BehaviorSubject(remaining());

    // Where both timers are due at once, as after a suspension, the queue must not prolong what is given up.
    const isOut = () => endsAt <= performance.now();
    const renew$ = defer((): ObservableInput<Lease> => (isOut() ? NEVER : renew())).pipe(
      tap(lease => {
        endsAt += lease.takenUntilMs - takenUntilMs;
        takenUntilMs = lease.takenUntilMs;
        lease$.next(remaining());
      }),
      ignoreElements(),
      retry({
        delay: (error: unknown, attempt) => {
          if (isOver(error)) return throwError(() => error);
          tell({ type: 'reclaim-failed', claim, err: error });
          const pauseMs = BACKOFF.baseMs / 2 + fullJitter(attempt, BACKOFF);
          return timer(Math.max(SHORTEST_PAUSE_MS, Math.min(pauseMs, remaining().forMs / 4)));
        },
      }),
      catchError(() => of('claim-lost' as const)),
    );
    const lost$ = claimExpiry(lease$).pipe(map(() => 'claim-lost' as const));
    return merge(renewals(lease$).pipe(exhaustMap(() => renew$)), lost$).pipe(take(1));
  });
}

/** The queue's word that this run is no longer ours. */
function isOver(error: unknown): boolean {
  return error instanceof QueueError && error.kind === 'conflict';
}
