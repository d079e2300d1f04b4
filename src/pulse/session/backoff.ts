import type { Backoff } from '../../base/index.ts';

/** Between tries to connect, and to consume again. */
export const DEFAULT_BACKOFF: Backoff = { baseMs: 200, capMs: 30_000 };

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
