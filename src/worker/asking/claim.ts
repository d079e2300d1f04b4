import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  Subject,
  take,
  tap,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import { jitterWithFloor, type Backoff } from '../../base/index.ts';
import type { Claim, Queue } from '../../taskcluster/index.ts';
import type { Emit } from '../events.ts';
import { askingState, type AskingState } from './asking-state.ts';
import type { Quarantine } from './quarantine.ts';
import type { ClaimGate } from './claim-gate.ts';

/** A request for work. Its slots are already taken. */
export interface Demand {
  /** Number of claims to ask for, from 1 to 32. */
  readonly tasks: number;
  /** Whether a task is known to be pending, so that an empty answer would be suspicious. */
  readonly isExpected: boolean;
  /** Called once with the number of claims, unless the call failed. */
  answered(claims: number): void;
  /** Called instead after a failure, when it is time to ask again or when the worker is shutting down. */
  failed(): void;
}

/** The queue returns at most this many claims for one call. */
export const MAX_CLAIMS = 32;

const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 10_000 };

/**
 * Asks the queue for work, once for each demand.
 *
 * A call is never aborted, even if nobody waits for it any more. The queue may already have claimed a run for
 * it, which would then stay "running" until its claim expires. For the same reason, the call itself is never
 * retried.
 *
 * Each failure is followed by a pause, longer each time, that ends when another `claimWork` succeeds. The first
 * pause also ends when the queue answers any other call. Later pauses do not, because only this call may be
 * failing.
 *
 * @param draining$ ends the pause after a failure, because the worker does not wait for more work
 * @param quarantine receives each answer; in quarantine, a demand counts as failed
 * @param gate if there is no room for a run, a demand counts as failed
 */
export function claim(
  queue: Queue,
  emit: Emit,
  draining$: Observable<unknown>,
  quarantine?: Quarantine,
  asking: AskingState = askingState(),
  gate?: Pick<ClaimGate, 'check'>,
): OperatorFunction<Demand, Claim> {
  let failures = 0;
  const works$ = new Subject<void>();
  return demand$ =>
    demand$.pipe(
      mergeMap(demand => (gate ? unlessClosed(demand, gate) : of(demand))),
      mergeMap(demand =>
        defer(() => {
          const failuresBefore = failures;
          const over = asking.callOpened(demand.isExpected);
          return from(queue.claimWork(demand.tasks)).pipe(
            tap({
              next: () => {
                over(true);
              },
              error: () => {
                over(false);
              },
            }),
            mergeMap(claims => {
              if (failures > 0) emit({ type: 'claim-work-works' });
              failures = 0;
              works$.next();
              return concat(settled(demand, claims.length), claims);
            }),
            catchError((err: unknown) => afterPause(err, demand, failuresBefore)),
          );
        }),
      ),
    );

  /** Emits the demand if there is room for another run, and the worker has not been told to exit meanwhile. */
  function unlessClosed(demand: Demand, { check }: Pick<ClaimGate, 'check'>): Observable<Demand> {
    return merge(from(check()), draining$.pipe(map(() => false))).pipe(
      take(1),
      filter(there => {
        if (!there) demand.failed();
        return there;
      }),
      map(() => demand),
    );
  }

  /** Claims are passed on at once. Only an empty answer is examined. */
  function settled(demand: Demand, claims: number): Observable<never> {
    const verdict = quarantine?.isQuarantined(demand.isExpected, claims);
    if (!verdict || claims > 0) {
      demand.answered(claims);
      if (claims === 0) asking.nothingPending();
      return EMPTY;
    }
    return merge(from(verdict), draining$.pipe(map(() => true))).pipe(
      take(1),
      tap(quarantined => {
        if (quarantined) demand.failed();
        else demand.answered(claims);
        asking.nothingPending();
      }),
      ignoreElements(),
    );
  }

  function afterPause(err: unknown, demand: Demand, failuresBefore: number): Observable<never> {
    // Calls that are open at the same time fail for the same reason, so they count as one failure.
    if (failures === failuresBefore) failures++;
    const waitMs = jitterWithFloor(Math.max(failures, 1), AFTER_FAILURE);
    asking.callFailed();
    emit({ type: 'claim-work-failed', err, waitMs });
    const back$ = failures <= 1 ? (queue.back$ ?? NEVER) : NEVER;
    return merge(timer(waitMs), draining$, works$, back$).pipe(
      take(1),
      mergeMap(() => {
        demand.failed();
        return EMPTY;
      }),
    );
  }
}
