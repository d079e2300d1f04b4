/** The limits of the wait before a retry. */
export interface Backoff {
  /** The longest first wait, in ms. It doubles with each attempt. */
  readonly baseMs: number;
  /** The longest wait, in ms. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: a random wait between zero and the doubled bound, so that a thousand clients
 * that lost the same server do not return at the same moment.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait
 */
export function fullJitter(attempt: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  return random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
}

/**
 * Full jitter added to half of `baseMs`, for calls that must not be repeated at once.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait: at least half of `baseMs`
 */
export function jitterWithFloor(attempt: number, backoff: Backoff, random = Math.random): number {
  return backoff.baseMs / 2 + fullJitter(attempt, backoff, random);
}

/**
 * A random wait in the upper half of the doubled bound ("equal jitter"). Full jitter can be close to zero several times
 * in a row.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait: at least half of `baseMs`
 */
export function equalJitter(attempt: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  const bound = Math.min(capMs, baseMs * 2 ** (attempt - 1));
  return bound / 2 + (random() * bound) / 2;
}
