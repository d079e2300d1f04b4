import {
  BehaviorSubject,
  catchError,
  defer,
  exhaustMap,
  from,
  ignoreElements,
  map,
  merge,
  NEVER,
  of,
  retry,
  Subject,
  take,
  tap,
  throwError,
  timer,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { jitterWithFloor, type Backoff } from '../../base/index.ts';
import { ServiceError, type Claim, type Lease } from '../../taskcluster/index.ts';
import { claimExpiry, renewals } from '../../streams/index.ts';
import type { Tell } from '../events.ts';

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
/** A try, and a pause, is also no more than a quarter of what is left of the claim, but for this (ms). */
const SHORTEST_MS = 250;

/**
 * Keeps a claim: renews it before it expires, and emits once when it is lost, because the queue says so (409) or
 * because it ran out. Any other failure is tried again until then.
 *
 * The lengths of claims are differences of the queue's own times, laid on this machine's clock: the two clocks
 * need not agree.
 *
 * @param renew asks the queue. It goes on after the claim is lost, and `resolve` looks at what comes of it
 * @param back$ ends the pause after the first try: the queue answers again. It may still fail this call, so that later
 *   pauses last as long as they are
 */
export function reclaim(
  claim: Claim,
  renew: () => Promise<Lease>,
  tell: Tell,
  back$: Observable<unknown> = NEVER,
): Observable<'claim-lost'> {
  return defer(() => {
    let takenUntilMs = claim.lease.takenUntilMs;
    let endsAt = (claim.madeAt ?? performance.now()) + (takenUntilMs - claim.startedMs);
    const remaining = () => ({ forMs: endsAt - performance.now() });
    const lease$ = new BehaviorSubject(remaining());

    // Where both timers are due at once, as after a suspension, the queue must not prolong what is given up.
    const isOut = () => endsAt <= performance.now();
    /** The longest that anything may take, so that several tries fit into what is left of the claim. */
    const partMs = () => Math.max(SHORTEST_MS, remaining().forMs / 4);

    // A try without an answer is not given up, since the queue may still grant it. Another one begins beside it.
    const granted$ = new Subject<Lease>();
    let tries = 0;
    const try$ = defer((): ObservableInput<never> => {
      if (isOut()) return NEVER;
      const renewal = renew();
      const number = ++tries;
      renewal.then(
        lease => {
          // The newest try has the queue's last word, even where claims have become shorter. An older one may not shorten it.
          if (number === tries || lease.takenUntilMs >= takenUntilMs) granted$.next(lease);
        },
        () => undefined,
      );
      return merge(from(renewal), noAnswerIn(partMs())).pipe(take(1), ignoreElements());
    });
    let dueAt = 0;
    const renew$ = merge(
      granted$,
      try$.pipe(
        retry({
          delay: (error: unknown, attempt) => {
            if (isOver(error)) return throwError(() => error);
            tell({ type: 'reclaim-failed', claim, err: error });
            const pauseMs = jitterWithFloor(attempt, BACKOFF);
            const pause$ = timer(Math.max(SHORTEST_MS, Math.min(pauseMs, partMs())));
            return attempt === 1 ? merge(pause$, back$) : pause$;
          },
        }),
      ),
    ).pipe(
      take(1),
      tap(lease => {
        const now = performance.now();
        tell({ type: 'reclaimed', claim, lagMs: now - dueAt, leftMs: endsAt - now });
        endsAt += lease.takenUntilMs - takenUntilMs;
        takenUntilMs = lease.takenUntilMs;
        lease$.next(remaining());
      }),
      ignoreElements(),
      catchError(() => of('claim-lost' as const)),
    );
    const lost$ = claimExpiry(lease$).pipe(map(() => 'claim-lost' as const));
    const due$ = renewals(lease$).pipe(
      exhaustMap(() => {
        dueAt = performance.now();
        return renew$;
      }),
    );
    return merge(due$, lost$).pipe(take(1));
  });
}

function noAnswerIn(ms: number): Observable<never> {
  const seconds = (ms / 1_000).toFixed(1);
  return timer(ms).pipe(
    map(() => {
      throw new ServiceError('unreachable', `reclaimTask: no answer in ${seconds} s`);
    }),
  );
}

/** The queue's word that this run is no longer ours. */
function isOver(error: unknown): boolean {
  return error instanceof ServiceError && error.kind === 'conflict';
}
