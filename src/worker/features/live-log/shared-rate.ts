import { setTimeout as sleep } from 'node:timers/promises';

/** A rate limit that all readers of a worker share. */
export interface SharedRate {
  /** Settles when `bytes` may be sent. Undefined: at once. */
  take(bytes: number): Promise<void> | undefined;
}

/** Shorter waits are skipped, in ms, because timers are not precise enough. */
const SHORTEST_WAIT_MS = 4;

/**
 * @param bytesPerMs the rate
 * @param bytesPerWrite the overhead that is counted for each write, in bytes
 * @param now a clock in ms
 */
export function sharedRate(
  bytesPerMs: number,
  bytesPerWrite: number,
  now: () => number = () => performance.now(),
): SharedRate {
  /** When everything taken so far will have been sent. */
  let freeAt = 0;
  return {
    take: bytes => {
      const present = now();
      freeAt = Math.max(freeAt, present) + (bytes + bytesPerWrite) / bytesPerMs;
      const wait = freeAt - present;
      return wait < SHORTEST_WAIT_MS ? undefined : sleep(wait);
    },
  };
}
