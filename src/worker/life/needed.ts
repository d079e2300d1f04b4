import {
  EMPTY,
  exhaustMap,
  filter,
  map,
  merge,
  Observable,
  of,
  switchMap,
  take,
  throttleTime,
  timeout,
  timer,
} from 'rxjs';
import type { AskingState } from '../asking/asking-state.ts';
import type { ExitReason } from './worker-state.ts';

/**
 * Returns whether the worker is still needed, or undefined if nobody decides that. Returns `true` if the answer
 * cannot be found out now. Must settle soon after the signal is aborted.
 */
export type IsNeeded = (signal: AbortSignal) => Promise<boolean | undefined>;

/** How the questions are spread over time, in ms. */
export interface Pace {
  /** Regular interval between two questions. */
  readonly everyMs: number;
  /** Shortest interval between two questions. Runs may end many times in a second. */
  readonly apartMs: number;
  /** Without an answer in this time, the worker counts as needed. */
  readonly answerMs: number;
}

const PACE: Pace = { everyMs: 60_000, apartMs: 5_000, answerMs: 30_000 };

/** Asks once. Unsubscribing aborts the question. An error counts as "needed". */
export function stillNeeded(
  isNeeded: IsNeeded,
  { answerMs }: Pick<Pace, 'answerMs'> = PACE,
): Observable<boolean | undefined> {
  return new Observable<boolean | undefined>(subscriber => {
    const controller = new AbortController();
    const answer = (needed: boolean | undefined) => {
      subscriber.next(needed);
      subscriber.complete();
    };
    isNeeded(controller.signal).then(answer, () => {
      answer(true);
    });
    return () => {
      controller.abort();
    };
  }).pipe(timeout({ first: answerMs, with: () => of(true) }));
}

/**
 * Emits once, when the worker is not needed. It asks when the worker becomes idle, and periodically.
 * generic-worker asks before each claim. The worker stays while a call is open that may bring a claim, because
 * giving a claim back would cost its task a retry.
 *
 * @param resting$ emits each time the worker becomes idle
 * @param random spreads a fleet's questions
 */
export function notNeeded(
  isNeeded: IsNeeded | undefined,
  resting$: Observable<unknown>,
  { noClaimOpen$ }: Pick<AskingState, 'noClaimOpen$'>,
  random: () => number = Math.random,
  pace: Pace = PACE,
): Observable<ExitReason> {
  if (!isNeeded) return EMPTY;
  return merge(resting$, timer(pace.everyMs * random(), pace.everyMs)).pipe(
    throttleTime(pace.apartMs, undefined, { leading: true, trailing: true }),
    exhaustMap(() => stillNeeded(isNeeded, pace)),
    filter(needed => needed === false),
    take(1),
    switchMap(() => noClaimOpen$),
    map(() => 'not-needed' as const),
  );
}
