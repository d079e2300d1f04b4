import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../base/index.ts';
import { StreamFailed } from './stream-pieces.ts';

/** Half a minute in all. */
const TRIES = 8;
const BACKOFF: Backoff = { baseMs: 500, capMs: 10_000 };

/**
 * Reads something, and starts again from the beginning whenever a stream breaks.
 *
 * @throws the error of the last attempt, or the signal's reason
 */
export async function retryRead<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const isWorthIt = error instanceof StreamFailed && error.isRetryable;
      if (!isWorthIt || attempt === TRIES) throw error;
      await sleep(fullJitter(attempt, BACKOFF), undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}
