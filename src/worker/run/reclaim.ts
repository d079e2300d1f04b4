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
import type { Emit } from '../events.ts';

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
/** An attempt or a pause may take a quarter of the claim's remaining time, but at least this long (ms). */
const SHORTEST_MS = 250;

/**
 * Keeps a claim. Renews it before it expires, and emits once when it is lost, either because the queue says so
 * (409) or because it has run out. Any other failure is retried until then.
 *
 * The length of a claim is the difference of two times of the queue, applied to this machine's clock. So the
 * two clocks need not agree.
 *
 * @param renew renews the claim. It continues after the claim is lost, and `resolve` checks its answer
 * @param back$ the queue answers again, which ends the pause after the first attempt. Later pauses are not
 *   shortened, because only this call may be failing
 */
export function reclaim(
  claim: Claim,
  renew: () => Promise<Lease>,
  emit: Emit,
  back$: Observable<unknown> = NEVER,
): Observable<'claim-lost'> {
  return defer(() => {
    let takenUntilMs = claim.lease.takenUntilMs;
    let endsAt = (claim.madeAt ?? performance.now()) + (takenUntilMs - claim.startedMs);
    const remaining = () => ({ forMs: endsAt - performance.now() });
    const lease$ = new BehaviorSubject(remaining());

    // After a suspension both timers are due at once. The queue must not extend a claim that has been given up.
    const isOut = () => endsAt <= performance.now();
    /** The longest time for one attempt or pause, so that several attempts fit into the rest of the claim. */
    const partMs = () => Math.max(SHORTEST_MS, remaining().forMs / 4);

    // An attempt without an answer is not aborted, because the queue may still grant it. Another one starts
    // beside it.
    const granted$ = new Subject<Lease>();
    let tries = 0;
    const try$ = defer((): ObservableInput<never> => {
      if (isOut()) return NEVER;
      const renewal = renew();
      const number = ++tries;
      renewal.then(
        lease => {
          // The newest attempt decides, even if claims have become shorter. An older one must not shorten the
          // claim.
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
            emit({ type: 'reclaim-failed', claim, err: error });
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
        emit({ type: 'reclaimed', claim, lagMs: now - dueAt, leftMs: endsAt - now });
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

/** Whether the queue says that the run no longer belongs to this worker. */
function isOver(error: unknown): boolean {
  return error instanceof ServiceError && error.kind === 'conflict';
}
