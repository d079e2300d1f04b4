import { setTimeout as sleep } from 'node:timers/promises';

/** Waits up to `ms` for a promise to settle, either way. Returns whether it has settled. */
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
