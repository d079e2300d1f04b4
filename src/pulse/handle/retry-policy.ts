import type { Backoff } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { LONGEST_RETRY_MS } from '../verdict.ts';

/** When a message whose handler failed is tried again, and how often. */
export interface RetryPolicy {
  /** Attempts in all, including the first. Then the message is given up. 20 by default, which takes over half an hour. */
  readonly attempts: number;
  /** How long to wait before the next attempt: 1 s, doubling up to 5 minutes, by default. */
  readonly backoff: Backoff;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 20, backoff: { baseMs: 1_000, capMs: 300_000 } };

/** @throws PulseError `invalid` for values out of range */
export function retryPolicy(given: Partial<RetryPolicy> | false = {}): RetryPolicy {
  const policy = given === false ? { ...DEFAULT_RETRY, attempts: 1 } : { ...DEFAULT_RETRY, ...given };
  const { attempts, backoff } = policy;
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
      `retry.backoff is ${baseMs} to ${capMs} ms; both must be above 0, and capMs at most ${LONGEST_RETRY_MS} ` +
        '(the consumer holds a message while it waits)',
    );
  }
  return policy;
}
