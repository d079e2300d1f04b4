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
import type { Tell } from '../events.ts';
import { lastWord, type LastWord } from './last-word.ts';
import type { Quarantine } from './quarantine.ts';
import type { Room } from './room.ts';

/** A wish for work. Its slots are taken already. */
export interface Demand {
  /** How many claims to ask for: 1 to 32. */
  readonly tasks: number;
  /** Whether a task is known to wait, so that an empty answer would be odd. */
  readonly isExpected: boolean;
  /** Told how many came: once, unless the call failed. */
  answered(claims: number): void;
  /** Told otherwise: when it is time to ask again, or when the worker is going. */
  failed(): void;
}

/** The queue gives at most so many claims for one call. */
export const MOST_CLAIMS = 32;

const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 10_000 };

/**
 * Asks the queue for work, once for each demand.
 *
 * A call is never aborted, not even when whoever demanded has gone: the queue may have given a claim to it already,
 * which would then hang as running until it expires. For the same reason it is never repeated by itself.
 *
 * After a failure there is a pause, longer each time, that ends when another claimWork is answered. The first pause also
 * ends when the queue answers any other call. Later ones do not: the queue may fail this call only.
 *
 * @param draining$ ends the pause after a failure: the worker waits for no more work
 * @param quarantine told of each answer; in quarantine, a demand counts as failed
 * @param room without room for a run, a demand counts as failed
 */
export function claim(
  queue: Queue,
  tell: Tell,
  draining$: Observable<unknown>,
  quarantine?: Quarantine,
  word: LastWord = lastWord(),
  room?: Pick<Room, 'isThere'>,
): OperatorFunction<Demand, Claim> {
  let failures = 0;
  const works$ = new Subject<void>();
  return demand$ =>
    demand$.pipe(
      mergeMap(demand => (room ? withRoom(demand, room) : of(demand))),
      mergeMap(demand =>
        defer(() => {
          const failuresBefore = failures;
          const closed = word.opened();
          return from(queue.claimWork(demand.tasks)).pipe(
            tap({ next: closed, error: closed }),
            mergeMap(claims => {
              if (failures > 0) tell({ type: 'claim-work-works' });
              failures = 0;
              works$.next();
              return concat(settled(demand, claims.length), claims);
            }),
            catchError((err: unknown) => afterPause(err, demand, failuresBefore)),
          );
        }),
      ),
    );

  /** Emits the demand if there is room for what it brings, and the worker has not been told to go meanwhile. */
  function withRoom(demand: Demand, { isThere }: Pick<Room, 'isThere'>): Observable<Demand> {
    return merge(from(isThere()), draining$.pipe(map(() => false))).pipe(
      take(1),
      filter(there => {
        if (!there) demand.failed();
        return there;
      }),
      map(() => demand),
    );
  }

  /** Claims go on their way at once; only an empty answer is thought about. */
  function settled(demand: Demand, claims: number): Observable<never> {
    const verdict = quarantine?.isShutOut(demand.isExpected, claims);
    if (!verdict || claims > 0) {
      demand.answered(claims);
      if (claims === 0) word.nothing();
      return EMPTY;
    }
    return merge(from(verdict), draining$.pipe(map(() => true))).pipe(
      take(1),
      tap(shutOut => {
        if (shutOut) demand.failed();
        else demand.answered(claims);
        word.nothing();
      }),
      ignoreElements(),
    );
  }

  function afterPause(err: unknown, demand: Demand, failuresBefore: number): Observable<never> {
    // Calls that were open at the same time fail of the same: together they are one failure.
    if (failures === failuresBefore) failures++;
    const waitMs = jitterWithFloor(Math.max(failures, 1), AFTER_FAILURE);
    word.failed();
    tell({ type: 'claim-work-failed', err, waitMs });
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
