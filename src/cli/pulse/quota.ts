/** Limits how many messages are started, so that exactly the requested number is completed. */
export interface Quota {
  /** Returns whether one more message may be started. Returns a promise if that depends on messages in progress. */
  take(): boolean | Promise<boolean>;
  /** Ends one message. `counts` means that it needs no further attempt. */
  finish(counts: boolean): void;
  /** Allows no further messages. */
  close(): void;
  readonly done: number;
}

/** @param onFull called once, when `limit` messages are done */
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
