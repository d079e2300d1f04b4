/** The longest delay of a Node timer, in ms. A timer with a longer delay fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Limits a delay to the longest one that a timer supports, about 24 days. */
export function inTimerRange(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS);
}
