/** Work that somebody may have to wait for, until it has settled, one way or the other. */
export class PendingWork {
  readonly #work = new Set<Promise<unknown>>();

  get size(): number {
    return this.#work.size;
  }

  /** Returns what it is given. */
  add<T>(work: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = work.catch(() => undefined).finally(() => this.#work.delete(settled));
    this.#work.add(settled);
    return work;
  }

  /** Settles when nothing is under way, also of what has come meanwhile. Never rejects. */
  async settled(): Promise<void> {
    while (this.size > 0) await Promise.all(this.#work);
  }
}
