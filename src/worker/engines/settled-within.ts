import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a promise has settled, either way, but not longer than so many ms; returns whether it has. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, sleep(ms, false, timer).catch(() => false)]);
  } finally {
    timer.abort();
  }
}
