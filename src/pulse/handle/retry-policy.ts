import type { Backoff } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { LONGEST_RETRY_MS } from '../verdict.ts';

/** When a message whose handler failed is tried again, and when no more. */
export interface RetryPolicy {
  /** Tries in all, the first one included; then it is rejected. 20 by default: half an hour of failures and more. */
  readonly attempts: number;
  /** How long to wait before the next try: 1 s, doubling up to 5 minutes, by default. */
  readonly backoff: Backoff;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 20, backoff: { baseMs: 1_000, capMs: 300_000 } };

/** @throws PulseError `invalid` for a policy that cannot be kept */
export function retryPolicy(given: Partial<RetryPolicy> | false = {}): RetryPolicy {
  const policy = given === false ? { ...DEFAULT_RETRY, attempts: 1 } : { ...DEFAULT_RETRY, ...given };
  const { attempts, backoff } = policy;
  const { baseMs, capMs } = backoff;
  if (!(attempts >= 1)) {
    throw new PulseError('invalid', `retry.attempts is ${attempts}; it has to be at least 1, the first try`);
  }
  if (!(baseMs > 0 && capMs > 0 && capMs <= LONGEST_RETRY_MS)) {
    throw new PulseError(
      'invalid',
      `retry.backoff is ${baseMs} to ${capMs} ms; it has to be above 0 (no hot loop) and at most ` +
        `${LONGEST_RETRY_MS} (a message is held while it waits)`,
    );
  }
  return policy;
}

/**
 * How long to wait, in ms, after so many failures: the upper half of the doubled bound. Full jitter could be nothing
 * many times in a row, and an outage would use up a message's attempts.
 */
export function retryDelay(failures: number, { baseMs, capMs }: Backoff, random = Math.random): number {
  const bound = Math.min(capMs, baseMs * 2 ** (failures - 1));
  return bound / 2 + (random() * bound) / 2;
}
