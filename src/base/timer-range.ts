/** The longest delay that a timer of Node can have, in ms: with a longer one it fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Shortens a delay to the longest one that a timer can have, which is 24 days. */
export function inTimerRange(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS);
}
