import { setTimeout as sleep } from 'node:timers/promises';

/** A timer stands still while the machine sleeps, and the clock on the wall does not: it is looked at this often, in ms. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Waits until the clock shows a time, also over a hibernation of the machine.
 *
 * @param timeMs ms since the epoch
 * @throws the reason of the signal
 */
export async function clockShows(
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
