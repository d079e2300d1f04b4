import { defer, filter, finalize, mergeMap, Subject, switchMap, type Observable } from 'rxjs';
import { jitterWithFloor, type Backoff } from '../../base/index.ts';
import { longTimer } from '../../streams/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { Emit } from '../events.ts';
import type { Slots } from '../life/slots.ts';

export interface QuarantineTimes {
  /** How often a known quarantine is checked, in ms. It may be lifted or extended. */
  readonly recheckMs: number;
  /** How often a polling worker checks for a quarantine, in ms. Its polls are often empty. */
  readonly pollingMs: number;
  /**
   * The first pause of a worker that lacks the scope to check, in ms. Each further one is twice as long, up to
   * `recheckMs`.
   */
  readonly firstPauseMs: number;
}

const QUARANTINE_TIMES: QuarantineTimes = {
  recheckMs: 300_000,
  pollingMs: 600_000,
  firstPauseMs: 30_000,
};

/** The pause before another check of a quarantine that should have ended, after a failed check, in ms. */
const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 30_000 };

/** Without the scope to check, this many suspicious answers in a row count as a quarantine. One may be bad luck. */
const MAX_ODD_ANSWERS = 2;

export interface Quarantine {
  /**
   * Called with each answer of `claimWork`.
   *
   * @param isExpected whether a task was known to be pending
   * @param claims the number of claims in the answer
   * @returns whether the worker gets nothing although tasks are pending, so the notice should go to another
   *   worker
   */
  isQuarantined(isExpected: boolean, claims: number): Promise<boolean>;
  /** Whether the worker must not ask for work at present. */
  readonly isActive: boolean;
  /** Ends the pause when its time has come, and emits. Notices of pending tasks may have been missed. */
  readonly ended$: Observable<unknown>;
}

/**
 * Detects that this worker is in quarantine. The queue does not say so: it answers `claimWork` as if nothing
 * were pending. A worker that kept asking would take the pool's notices, hold each for the 20 s of an empty
 * poll and discard it, so healthy workers would never hear of those tasks. Therefore a worker in quarantine has
 * no slots.
 *
 * An empty answer is suspicious if a task is known to be pending. The worker then calls `getWorker`. If it
 * lacks the scope for that, a second suspicious answer decides.
 */
export function quarantine(
  queue: Queue,
  slots: Slots,
  emit: Emit,
  times: QuarantineTimes = QUARANTINE_TIMES,
): Quarantine {
  const pause$ = new Subject<number>();
  let untilMs = 0;
  let oddAnswers = 0;
  let pauseMs = times.firstPauseMs;
  let checkedAt = performance.now();
  let isOut = false;
  let failures = 0;

  const pauseFor = (forMs: number) => {
    isOut = true;
    slots.pause('quarantine');
    pause$.next(forMs);
  };

  /** Checks when the quarantine ends, and reports each end once. */
  const check = async (): Promise<'free' | 'quarantined' | 'unknown'> => {
    checkedAt = performance.now();
    const until = await queue.quarantinedUntil();
    if (until === undefined) return 'unknown';
    const isOver = until <= queue.now();
    if (!isOver && until !== untilMs) {
      emit({ type: 'quarantined', until: new Date(until).toJSON() });
    }
    if (isOver && untilMs !== 0) emit({ type: 'quarantine-ended' });
    untilMs = isOver ? 0 : until;
    if (!isOver) pauseFor(Math.min(until - queue.now(), times.recheckMs));
    return isOver ? 'free' : 'quarantined';
  };

  const afterOddAnswer = async (): Promise<boolean> => {
    const pending = await queue.pendingTasks();
    if (pending === 0) return false;
    const found = await check();
    if (found !== 'unknown') return found === 'quarantined';
    // Whatever the reason: while tasks are known to be pending, another worker needs the notice.
    if (++oddAnswers < MAX_ODD_ANSWERS) return pending !== undefined;
    if (oddAnswers === MAX_ODD_ANSWERS) {
      emit({ type: 'starved', pending });
    }
    pauseFor(pauseMs);
    pauseMs = Math.min(2 * pauseMs, times.recheckMs);
    return true;
  };

  const gotWork = () => {
    if (oddAnswers >= MAX_ODD_ANSWERS) emit({ type: 'starved-no-more' });
    oddAnswers = 0;
    pauseMs = times.firstPauseMs;
  };

  const release = async () => {
    // Without the scope to check, one demand is the way to find out.
    if (untilMs !== 0 && (await check()) === 'quarantined') return false;
    failures = 0;
    isOut = false;
    slots.resume('quarantine');
    return true;
  };

  return {
    get isActive() {
      return isOut;
    },
    isQuarantined: async (isExpected, claims) => {
      if (claims > 0) {
        gotWork();
        return false;
      }
      if (isOut) return isExpected;
      try {
        if (isExpected) return await afterOddAnswer();
        const isTime = performance.now() - checkedAt >= times.pollingMs;
        return isTime && (await check()) === 'quarantined';
      } catch (err) {
        emit({ type: 'quarantine-unknown', err });
        return false;
      }
    },
    ended$: defer(() =>
      pause$.pipe(
        switchMap(ms => longTimer(ms)),
        mergeMap(() =>
          release().catch((err: unknown) => {
            emit({ type: 'quarantine-unknown', err });
            const leftMs = untilMs - queue.now();
            const soonMs = jitterWithFloor(++failures, AFTER_FAILURE);
            pauseFor(leftMs > 0 ? Math.min(leftMs, times.recheckMs) : soonMs);
            return false;
          }),
        ),
        filter(Boolean),
      ),
    ).pipe(
      finalize(() => {
        slots.resume('quarantine');
      }),
    ),
  };
}
