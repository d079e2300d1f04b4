import type { Backoff } from '../../base/index.ts';

/** The default delays between attempts to connect, and to consume again. */
export const DEFAULT_BACKOFF: Backoff = { baseMs: 200, capMs: 30_000 };

/**
 * Counts consecutive failures of a connection, channel or consumer that is opened again each time. The count starts
 * again only if it stayed open for `steadyMs`. Otherwise, one that ends right after opening would be reopened in a
 * tight loop, with work for the broker each time.
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

  /** Returns the number of consecutive failures including this one, from 1. */
  failed(): number {
    const lived = performance.now() - this.#openedAt;
    this.#openedAt = Infinity;
    this.#count = lived >= this.#steadyMs ? 1 : this.#count + 1;
    return this.#count;
  }
}
