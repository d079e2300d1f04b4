/** The source of the queue's time. Tests can replace it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, `ms` from now. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** Node fires a timer with a longer delay at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The machine's time. */
export const systemClock: Clock = {
  now: Date.now,
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(
        () => {
          if (left > LONGEST_TIMER) wait(left - LONGEST_TIMER);
          else callback();
        },
        Math.min(Math.max(left, 0), LONGEST_TIMER),
      );
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
