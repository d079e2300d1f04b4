/** How many messages may be begun, so that exactly so many are done. */
export interface Quota {
  /** Whether one may be begun. A promise where that depends on others that are under way. */
  take(): boolean | Promise<boolean>;
  /** One is over; it `counts` when it needs no other try. */
  finish(counts: boolean): void;
  /** No other may be begun. */
  close(): void;
  readonly done: number;
}

/** @param onFull called once, when `limit` are done */
export function quota(limit: number, onFull: () => void): Quota {
  let done = 0;
  let running = 0;
  let closed = false;
  let waiting: ((mayBegin: boolean) => void)[] = [];
  const close = () => {
    closed = true;
    for (const answer of waiting) answer(false);
    waiting = [];
  };
  return {
    get done() {
      return done;
    },
    take: () => {
      if (closed) return false;
      if (done + running >= limit) return new Promise(resolve => waiting.push(resolve));
      running++;
      return true;
    },
    finish: counts => {
      running--;
      if (counts) {
        done++;
        if (done !== limit) return;
        close();
        onFull();
        return;
      }
      const next = waiting.shift();
      if (!next) return;
      running++;
      next(true);
    },
    close,
  };
}
