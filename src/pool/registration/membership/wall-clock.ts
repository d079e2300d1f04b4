import { setTimeout as sleep } from 'node:timers/promises';

/** How often the system clock is read, in ms. Timers stop while the machine sleeps, but the system clock does not. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Waits until the system clock reaches a time, even if the machine hibernates meanwhile.
 *
 * @param timeMs ms since the epoch
 * @throws the signal's reason
 */
export async function waitUntil(
  timeMs: number,
  signal: AbortSignal,
  now: () => number = Date.now,
): Promise<void> {
  signal.throwIfAborted();
  for (let leftMs = timeMs - now(); leftMs > 0; leftMs = timeMs - now()) {
    await sleep(Math.min(leftMs, LOOK_AGAIN_MS), undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
