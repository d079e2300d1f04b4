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
  repeat,
  startWith,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  timer,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { jitterWithFloor, type Backoff } from '../../base/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { Emit } from '../events.ts';
import type { Slots } from '../life/slots.ts';
import { MAX_CLAIMS, type Demand } from './claim.ts';
import { askingState, type AskingState, type CheckReason } from './asking-state.ts';

export interface PendingCheckTimes {
  /** How long a free slot may go without a notice before a check, in ms. Up to half of it is jitter. */
  readonly quietMs: number;
  /**
   * The same interval while the last check found more tasks than there were slots, and notices keep coming.
   * Without any notice since then, the next check comes as soon as a slot is free.
   */
  readonly backlogMs: number;
  /**
   * The interval between two checks after a quiet period, in ms. Up to half of it is jitter. Only tasks found by both
   * checks are certain to have no notice in transit.
   */
  readonly confirmMs: number;
  /** How long an answer with many more tasks than slots is reused, in ms. */
  readonly plentyMs: number;
}

/** An idle worker checks fewer than 30 times an hour. A lost notice is found within minutes. */
export const PENDING_CHECK_TIMES: PendingCheckTimes = {
  quietMs: 240_000,
  backlogMs: 200,
  confirmMs: 4_000,
  plentyMs: 1_000,
};

/** If more than this many tasks are left, other workers cannot have taken all of them so soon. */
const PLENTY = MAX_CLAIMS;

/** The pause after a failed check, in ms. Tasks may be waiting that the check would have found. */
const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 10_000 };

/** If a notice that was given back reaches another worker of the pool at all, it does so within this time (ms). */
const REPEAT_MS = 1_000;

/**
 * Complements the notices: asks how many tasks are pending, and demands as many as there are slots. It checks at once
 * when it is subscribed, which happens when Pulse connects or reconnects, and when a free slot has received no notice
 * for a while.
 *
 * An empty `claimWork` is a 20 s poll that slows the whole pool, so nothing is claimed blindly. Only if the worker
 * lacks the scope for the check (403) does it claim without one, after a quiet period or a failed claim. After a
 * quiet period, tasks must be found twice.
 *
 * @param notice$ each of its items shows that notices arrive
 * @param asking requests an immediate check, when a claim has failed or the worker is about to exit as idle
 */
export function pendingCheck(
  queue: Queue,
  slots: Slots,
  notice$: Observable<unknown>,
  emit: Emit,
  { quietMs, backlogMs, confirmMs, plentyMs }: PendingCheckTimes = PENDING_CHECK_TIMES,
  random: () => number = Math.random,
  asking: AskingState = askingState(),
): Observable<Demand> {
  return defer(() => {
    let noticed = false;
    let failures = 0;
    /** Whether to check as soon as a slot is free. */
    let isDue = false;
    /** Whether a claim has failed and no other one was demanded since. */
    let hasFailedClaim = false;
    const due$ = new Subject<void>();
    const makeDue = () => {
      isDue = true;
      due$.next();
    };
    /** Pending tasks of the last check for which there was no slot. */
    let left = 0;
    let askedAt = 0;

    const demandOf = (count: number, isExpected: boolean): Demand | undefined => {
      const tasks = slots.take(Math.min(count, MAX_CLAIMS));
      left = count - tasks;
      noticed = false;
      if (count === 0) asking.nothingPending();
      if (tasks > 0 || count === 0) hasFailedClaim = false;
      return tasks === 0 ? undefined : demandFor(tasks, isExpected, slots, failed);
    };
    const failed = () => {
      hasFailedClaim = true;
      makeDue();
    };
    const pending = (): ObservableInput<number | undefined> => {
      isDue = false;
      if (left > PLENTY && performance.now() - askedAt < plentyMs) return of(left);
      askedAt = performance.now();
      return queue.pendingTasks();
    };
    /**
     * Checks twice if the first check finds tasks. In a large and busy pool, a single check often finds a task whose
     * notice is on its way to another worker, and a claim too many slows the whole pool.
     */
    const confirmed = (): Observable<number | undefined> =>
      from(pending()).pipe(
        switchMap(count =>
          count
            ? timer(confirmMs * (1 - random() / 2)).pipe(
                switchMap(() => (slots.free === 0 ? EMPTY : queue.pendingTasks())),
              )
            : of(count),
        ),
      );
    const asked = (isAfterQuiet: boolean): Observable<Demand> =>
      defer(() => {
        if (slots.free === 0) return EMPTY;
        return isAfterQuiet && failures === 0 && left === 0 ? confirmed() : pending();
      }).pipe(
        // Slots are taken here, so that those of an abandoned answer stay free.
        map(count => {
          if (failures > 0) emit({ type: 'pending-check-works' });
          failures = 0;
          return demandOf(count ?? (hasFailedClaim || isAfterQuiet ? 1 : 0), count !== undefined);
        }),
        filter(demand => demand !== undefined),
        catchError((err: unknown) => {
          emit({ type: 'pending-check-failed', err });
          asking.callFailed();
          failures++;
          left = 0;
          return EMPTY;
        }),
      );
    const pauseMs = () => {
      if (isDue) return 0;
      if (failures > 0) return jitterWithFloor(failures, AFTER_FAILURE, random);
      if (left === 0) return quietMs * (1 - random() / 2);
      return noticed ? backlogMs : 0;
    };
    const notices$ = notice$.pipe(
      tap(() => {
        noticed = true;
      }),
    );
    const quiet$ = merge(notices$, slots.free$, due$).pipe(
      startWith(undefined),
      switchMap(() => {
        if (slots.free === 0) return NEVER;
        // A timer of 0 ms takes 1 ms, and each task of a backlog would wait for it.
        const ms = pauseMs();
        return ms === 0 ? of(0) : timer(ms);
      }),
      take(1),
    );
    const sooner$ = merge(
      (queue.back$ ?? NEVER).pipe(
        filter(() => failures > 0),
        tap(makeDue),
      ),
      reasons(asking, notice$).pipe(
        tap(why => {
          if (why === 'notice-given-back') hasFailedClaim = true;
          // While checks fail, the next one waits for its pause.
          if (failures === 0) makeDue();
        }),
      ),
    ).pipe(ignoreElements());
    return merge(
      sooner$,
      concat(
        asked(false),
        quiet$.pipe(
          mergeMap(() => asked(!isDue)),
          repeat(),
        ),
      ),
    );
  });
}

/** Emits the reasons to check, when it is time. A notice makes the check for one that was given back unnecessary. */
function reasons({ check$ }: AskingState, notice$: Observable<unknown>): Observable<CheckReason> {
  return check$.pipe(
    mergeMap(why =>
      why === 'idle'
        ? of(why)
        : timer(REPEAT_MS).pipe(
            takeUntil(notice$),
            map(() => why),
          ),
    ),
  );
}

function demandFor(tasks: number, isExpected: boolean, slots: Slots, failed: () => void): Demand {
  return {
    tasks,
    isExpected,
    answered: claims => {
      slots.giveBack(tasks - claims);
    },
    failed: () => {
      slots.giveBack(tasks);
      failed();
    },
  };
}
