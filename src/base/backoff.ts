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
