import type { Backoff } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { LONGEST_RETRY_MS } from '../verdict.ts';

/** When and how often a failed message is retried. */
export interface RetryPolicy {
  /** Maximum number of attempts, including the first. Default: 20, which takes over half an hour. */
  readonly attempts: number;
  /** The delay before the next attempt. Default: 1 s, doubling up to 5 minutes. */
  readonly backoff: Backoff;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 20, backoff: { baseMs: 1_000, capMs: 300_000 } };

/** @throws PulseError `invalid` for values out of range */
export function retryPolicy(given: Partial<RetryPolicy> | false = {}): RetryPolicy {
  const { attempts = DEFAULT_RETRY.attempts, backoff = DEFAULT_RETRY.backoff } =
    given === false ? { attempts: 1 } : given;
  const { baseMs, capMs } = backoff;
  if (!(attempts >= 1)) {
    throw new PulseError(
      'invalid',
      `retry.attempts is ${attempts}; it must be at least 1 (the first attempt counts)`,
    );
  }
  if (!(baseMs > 0 && capMs > 0 && capMs <= LONGEST_RETRY_MS)) {
    throw new PulseError(
      'invalid',
      `retry.backoff is ${baseMs} to ${capMs} ms; baseMs and capMs must both be above 0, and capMs at most ${LONGEST_RETRY_MS} ` +
        '(the consumer holds a message while it waits)',
    );
  }
  return { attempts, backoff };
}
