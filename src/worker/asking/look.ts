import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
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
import type { Tell } from '../events.ts';
import type { Slots } from '../life/slots.ts';
import { MOST_CLAIMS, type Demand } from './claim.ts';
import { lastWord, type LastWord, type WhyLook } from './last-word.ts';

export interface LookTimes {
  /** How long a free slot may go without a notice before we look ourselves, in ms; up to half of it is jitter. */
  readonly quietMs: number;
  /**
   * The same while the last look left tasks behind that we had no slot for, and notices come all the same. Where none
   * has come since, we look as soon as a slot is free.
   */
  readonly backlogMs: number;
  /** How long an answer that named many more tasks than there were slots for stands for the next ones, in ms. */
  readonly plentyMs: number;
}

/** Under 30 questions an hour from an idle worker, and a lost notice is found within minutes. */
export const LOOK_TIMES: LookTimes = { quietMs: 240_000, backlogMs: 200, plentyMs: 1_000 };

/** With more tasks than these left, nobody else will have taken all of them so soon. */
const PLENTY = MOST_CLAIMS;

/** Until the next look when one had no answer, in ms: what it would have found may be waiting. */
const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 10_000 };

/** A notice that was given back comes to a worker of the pool within this time (ms), if it comes at all. */
const COMES_AGAIN_MS = 1_000;

/**
 * The net under the notices: asks how many tasks are pending, and wishes for those that there are slots for. Looks at
 * once when it is subscribed, which is when Pulse has come (back), and when a free slot has seen nothing for a while.
 *
 * An empty claimWork is a 20 s poll that slows the whole pool, so nothing is claimed blindly. Only where the question
 * is not allowed (403) is a wish made without it, after a quiet while or a claim that failed.
 *
 * @param notice$ each of its items says that notices do come
 * @param word asks for a look at once: a claim has failed, or the worker is about to go for idleness
 */
export function look(
  queue: Queue,
  slots: Slots,
  notice$: Observable<unknown>,
  tell: Tell,
  { quietMs, backlogMs, plentyMs }: LookTimes = LOOK_TIMES,
  random: () => number = Math.random,
  word: LastWord = lastWord(),
): Observable<Demand> {
  return defer(() => {
    let noticed = false;
    let failures = 0;
    /** Whether to look as soon as a slot is free. */
    let isDue = false;
    /** Whether a claim has failed, and none was asked for since. */
    let isOwed = false;
    const due$ = new Subject<void>();
    const makeDue = () => {
      isDue = true;
      due$.next();
    };
    /** Of what was pending when we last asked, what we had no slot for. */
    let left = 0;
    let askedAt = 0;

    const wish = (count: number, isExpected: boolean): Demand | undefined => {
      const tasks = slots.take(Math.min(count, MOST_CLAIMS));
      left = count - tasks;
      noticed = false;
      if (count === 0) word.nothing();
      if (tasks > 0 || count === 0) isOwed = false;
      return tasks === 0 ? undefined : demandFor(tasks, isExpected, slots, failed);
    };
    const failed = () => {
      isOwed = true;
      makeDue();
    };
    const pending = (): ObservableInput<number | undefined> => {
      isDue = false;
      if (left > PLENTY && performance.now() - askedAt < plentyMs) return of(left);
      askedAt = performance.now();
      return queue.pendingTasks();
    };
    const asked = (unknownMeans: number): Observable<Demand> =>
      defer(() => (slots.free === 0 ? EMPTY : pending())).pipe(
        // Taken here, the slots of an answer that nobody waits for any more stay free.
        map(count => {
          if (failures > 0) tell({ type: 'look-works' });
          failures = 0;
          return wish(count ?? (isOwed ? 1 : unknownMeans), count !== undefined);
        }),
        filter(demand => demand !== undefined),
        catchError((err: unknown) => {
          tell({ type: 'look-failed', err });
          word.failed();
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
        // A timer of 0 ms is one of 1 ms, which each task of a backlog would wait for.
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
      reasons(word, notice$).pipe(
        tap(why => {
          if (why === 'notice-given-back') isOwed = true;
          // While looks fail, the next one waits its turn.
          if (failures === 0) makeDue();
        }),
      ),
    ).pipe(ignoreElements());
    return merge(
      sooner$,
      concat(
        asked(0),
        quiet$.pipe(
          mergeMap(() => asked(isDue ? 0 : 1)),
          repeat(),
        ),
      ),
    );
  });
}

/** Why to look, when it is time for that. A notice that comes makes a look for one that was given back needless. */
function reasons({ look$ }: LastWord, notice$: Observable<unknown>): Observable<WhyLook> {
  return look$.pipe(
    mergeMap(why =>
      why === 'idle'
        ? of(why)
        : timer(COMES_AGAIN_MS).pipe(
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
