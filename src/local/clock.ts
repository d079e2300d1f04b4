import { LONGEST_TIMER_MS } from '../base/index.ts';

/** The source of the queue's time. Tests can replace it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, `ms` from now. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: Date.now,
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(
        () => {
          if (left > LONGEST_TIMER_MS) wait(left - LONGEST_TIMER_MS);
          else callback();
        },
        Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
      );
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
