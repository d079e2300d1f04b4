/** A timer of the platform that is asked for more than this fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The nearest time that a timer can wait for: 24 days are as good as for ever. */
export function inTimerRange(ms: number): number {
  return Math.min(ms, LONGEST_MS);
}
