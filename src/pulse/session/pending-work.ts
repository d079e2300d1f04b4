/** A set of promises that a caller can wait for. Each leaves the set when it settles. */
export class PendingWork {
  readonly #work = new Set<Promise<unknown>>();

  get size(): number {
    return this.#work.size;
  }

  /** Adds a promise and returns it. */
  add<T>(work: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = work.catch(() => undefined).finally(() => this.#work.delete(settled));
    this.#work.add(settled);
    return work;
  }

  /** Settles when no work is pending, including work added meanwhile. Never rejects. */
  async settled(): Promise<void> {
    while (this.size > 0) await Promise.all(this.#work);
  }
}
