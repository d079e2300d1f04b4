import { defer, filter, finalize, mergeMap, Subject, switchMap, type Observable } from 'rxjs';
import { jitterWithFloor, type Backoff } from '../../base/index.ts';
import { longTimer } from '../../streams/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { Tell } from '../events.ts';
import type { Slots } from '../life/slots.ts';

export interface QuarantineTimes {
  /** How often a quarantine is looked at again, in ms: it may be lifted, or prolonged. */
  readonly lookAgainMs: number;
  /** How often a worker that polls looks, in ms: its polls are empty anyway. */
  readonly pollingMs: number;
  /** The first pause of a worker that may not know, in ms. Each further one is twice as long, up to `lookAgainMs`. */
  readonly firstPauseMs: number;
}

const QUARANTINE_TIMES: QuarantineTimes = {
  lookAgainMs: 300_000,
  pollingMs: 600_000,
  firstPauseMs: 30_000,
};

/** Until a quarantine that should have ended is asked about again, when that failed, in ms. */
const AFTER_FAILURE: Backoff = { baseMs: 1_000, capMs: 30_000 };

/** So many odd answers in a row are a quarantine, where the queue may not be asked. One may be bad luck. */
const ODD_ANSWERS = 2;

export interface Quarantine {
  /**
   * Told of each answer of `claimWork`.
   *
   * @param isExpected whether a task was known to wait
   * @param claims how many came
   * @returns whether the worker gets nothing though there is something: the notice is another worker's
   */
  isShutOut(isExpected: boolean, claims: number): Promise<boolean>;
  /** Whether the worker asks for no work at present. */
  readonly isOut: boolean;
  /** Lets the worker ask again when its time has come, and emits then: the notices of what waits may be gone. */
  readonly release$: Observable<unknown>;
}

/**
 * Notices that this worker is in quarantine. The queue does not say so: it answers `claimWork` as if nothing were
 * pending. A worker that went on asking would take the pool's notices, hold each for the 20 s of an empty poll and
 * throw it away, and the healthy workers would never hear of those tasks. So while it is in quarantine it has no slots.
 *
 * An empty answer is odd when a task is known to wait. Then `getWorker` is asked; where that is not allowed, a second odd
 * answer decides.
 */
export function quarantine(
  queue: Queue,
  slots: Slots,
  tell: Tell,
  times: QuarantineTimes = QUARANTINE_TIMES,
): Quarantine {
  const pause$ = new Subject<number>();
  let untilMs = 0;
  let oddAnswers = 0;
  let pauseMs = times.firstPauseMs;
  let lookedAt = performance.now();
  let isOut = false;
  let failures = 0;

  const shutOut = (forMs: number) => {
    isOut = true;
    slots.pause('quarantine');
    pause$.next(forMs);
  };

  /** Looks when a quarantine ends, and says so once for each end. */
  const look = async (): Promise<'free' | 'shut out' | 'unknown'> => {
    lookedAt = performance.now();
    const until = await queue.quarantinedUntil();
    if (until === undefined) return 'unknown';
    const isOver = until <= queue.now();
    if (!isOver && until !== untilMs) {
      tell({ type: 'quarantined', until: new Date(until).toJSON() });
    }
    if (isOver && untilMs !== 0) tell({ type: 'quarantine-ended' });
    untilMs = isOver ? 0 : until;
    if (!isOver) shutOut(Math.min(until - queue.now(), times.lookAgainMs));
    return isOver ? 'free' : 'shut out';
  };

  const afterOddAnswer = async (): Promise<boolean> => {
    const pending = await queue.pendingTasks();
    if (pending === 0) return false;
    const found = await look();
    if (found !== 'unknown') return found === 'shut out';
    // Whatever it was: while tasks are known to wait, the notice is somebody's.
    if (++oddAnswers < ODD_ANSWERS) return pending !== undefined;
    if (oddAnswers === ODD_ANSWERS) {
      tell({ type: 'starved', pending });
    }
    shutOut(pauseMs);
    pauseMs = Math.min(2 * pauseMs, times.lookAgainMs);
    return true;
  };

  const gotWork = () => {
    if (oddAnswers >= ODD_ANSWERS) tell({ type: 'starved-no-more' });
    oddAnswers = 0;
    pauseMs = times.firstPauseMs;
  };

  const release = async () => {
    // Where it may not be asked, one demand is the way to find out.
    if (untilMs !== 0 && (await look()) === 'shut out') return false;
    failures = 0;
    isOut = false;
    slots.resume('quarantine');
    return true;
  };

  return {
    get isOut() {
      return isOut;
    },
    isShutOut: async (isExpected, claims) => {
      if (claims > 0) {
        gotWork();
        return false;
      }
      if (isOut) return isExpected;
      try {
        if (isExpected) return await afterOddAnswer();
        const isTime = performance.now() - lookedAt >= times.pollingMs;
        return isTime && (await look()) === 'shut out';
      } catch (err) {
        tell({ type: 'quarantine-unknown', err });
        return false;
      }
    },
    release$: defer(() =>
      pause$.pipe(
        switchMap(ms => longTimer(ms)),
        mergeMap(() =>
          release().catch((err: unknown) => {
            tell({ type: 'quarantine-unknown', err });
            const leftMs = untilMs - queue.now();
            const soonMs = jitterWithFloor(++failures, AFTER_FAILURE);
            shutOut(leftMs > 0 ? Math.min(leftMs, times.lookAgainMs) : soonMs);
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
