import { setTimeout as sleep } from 'node:timers/promises';

/** Bounds what all readers of a worker get together. */
export interface SharedRate {
  /** Settles when so many bytes may be sent. */
  take(bytes: number): Promise<void> | undefined;
}

/** Timers are not more exact than this, in ms. */
const SHORTEST_WAIT_MS = 4;

/**
 * @param bytesPerMs the rate
 * @param bytesPerWrite what each write costs besides its bytes
 * @param now in ms
 */
export function sharedRate(
  bytesPerMs: number,
  bytesPerWrite: number,
  now: () => number = () => performance.now(),
): SharedRate {
  /** When all that was taken will have been sent. */
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
