/** How long to wait before another try. */
export interface Backoff {
  /** The longest first wait, in ms. It doubles with each try. */
  readonly baseMs: number;
  /** The longest wait of all, in ms. */
  readonly capMs: number;
}

/** Between tries to connect, and to consume again. */
export const DEFAULT_BACKOFF: Backoff = { baseMs: 200, capMs: 30_000 };

/**
 * Exponential backoff with full jitter: anywhere between nothing and the doubled bound, so that a thousand
 * clients that lost the same broker do not come back in step.
 *
 * @param attempt 1 for the first retry
 * @returns ms to wait
 */
export function fullJitter(attempt: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  return random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
}

/**
 * Counts failures in a row, of what is opened again each time. Only one that has lived for `steadyMs` begins a new row:
 * what ends as soon as it is open would be opened in a loop otherwise, and each time the broker does all the work.
 */
export class FailuresInARow {
  readonly #steadyMs: number;
  #count = 0;
  #openedAt = Infinity;

  constructor(steadyMs: number) {
    this.#steadyMs = steadyMs;
  }

  opened(): void {
    this.#openedAt = performance.now();
  }

  /** Returns which one in its row this failure is, from 1. */
  failed(): number {
    const lived = performance.now() - this.#openedAt;
    this.#openedAt = Infinity;
    this.#count = lived >= this.#steadyMs ? 1 : this.#count + 1;
    return this.#count;
  }
}
