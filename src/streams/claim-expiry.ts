import { map, switchMap, type Observable } from 'rxjs';
import { longTimer, type TimerOptions } from './long-timer.ts';

/** The remaining time of a claim, measured by this machine's monotonic clock. */
export interface ClaimTime {
  /** The claim expires in this many ms. */
  readonly forMs: number;
}

export interface RenewalOptions extends TimerOptions {
  /** The fraction of a claim's time after which it is renewed at the latest. 0.7 by default. */
  readonly renewAt?: number;
  /**
   * The largest fraction of a claim's time by which a renewal happens earlier, at random, so that tasks claimed
   * together do not renew together. 0.1 by default.
   */
  readonly spread?: number;
  /** Returns a number from 0 to 1. `Math.random` by default. */
  readonly random?: () => number;
}

/**
 * Emits when it is time to renew a claim, once for each item of `lease$`.
 *
 * @param lease$ the claim's remaining time: now, and after each renewal
 */
export function renewals(
  lease$: Observable<ClaimTime>,
  { renewAt = 0.7, spread = 0.1, random = Math.random, ...timing }: RenewalOptions = {},
): Observable<unknown> {
  return lease$.pipe(switchMap(({ forMs }) => longTimer(forMs * (renewAt - spread * random()), timing)));
}

/**
 * Emits `'expired'` when a claim has expired. Each item of `lease$` replaces the time of the one before.
 *
 * @param lease$ the claim's remaining time: now, and after each renewal
 */
export function claimExpiry(
  lease$: Observable<ClaimTime>,
  options: TimerOptions = {},
): Observable<'expired'> {
  return lease$.pipe(
    switchMap(({ forMs }) => longTimer(forMs, options)),
    map(() => 'expired' as const),
  );
}
