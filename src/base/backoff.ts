/** How long to wait before another try. */
export interface Backoff {
  /** The longest first wait, in ms. It doubles with each try. */
  readonly baseMs: number;
  /** The longest wait of all, in ms. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: anywhere between nothing and the doubled bound, so that a thousand
 * clients that lost the same server do not come back in step.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait
 */
export function fullJitter(attempt: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  return random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
}

/**
 * Full jitter on top of half the first bound, for calls that must not be repeated at once.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait: at least half of `baseMs`
 */
export function jitterWithFloor(attempt: number, backoff: Backoff, random = Math.random): number {
  return backoff.baseMs / 2 + fullJitter(attempt, backoff, random);
}

/**
 * The upper half of the doubled bound ("equal jitter"). Full jitter can be close to nothing several times in a row.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait: at least half of `baseMs`
 */
export function equalJitter(attempt: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  const bound = Math.min(capMs, baseMs * 2 ** (attempt - 1));
  return bound / 2 + (random() * bound) / 2;
}
