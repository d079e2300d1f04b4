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
 * Whether the worker is still needed; undefined where nobody decides on that. Whoever cannot find out for now says `true`. Settles soon
 * after the signal is aborted.
 */
export type IsNeeded = (signal: AbortSignal) => Promise<boolean | undefined>;

/** How the questions are spread over time, in ms. */
export interface Pace {
  /** From one question to the next, while nothing else is a reason to ask. */
  readonly everyMs: number;
  /** The shortest time between two questions: runs may end many times in a second. */
  readonly apartMs: number;
  /** After this time without an answer, the worker counts as needed. */
  readonly answerMs: number;
}

const PACE: Pace = { everyMs: 60_000, apartMs: 5_000, answerMs: 30_000 };

/** One question. Unsubscribing aborts it. An error counts as: it is needed. */
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
 * Emits once, when the worker is not needed: asked when it has nothing to do, and from time to time, as generic-worker asks
 * before each claim. The worker does not go while a call is open that may bring a claim, because a claim that is given back
 * costs its task one of its retries.
 *
 * @param resting$ emits each time that the worker has nothing to do
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
