import { longTimer } from './long-timer.ts';
import { asyncScheduler, map, switchMap, type Observable, type SchedulerLike } from 'rxjs';

/** What is left of a claim, on this machine's monotonic clock. */
export interface ClaimTime {
  /** The claim is over after this many ms. */
  readonly forMs: number;
}

export interface ExpiryOptions {
  /** At which part of a claim it is time to renew it: 0.7 by default. */
  readonly renewAt?: number;
  /** How much of the claim the renewal is spread over, so that tasks claimed together part: 0.1 by default. */
  readonly spread?: number;
  readonly random?: () => number;
  readonly scheduler?: SchedulerLike;
}

/**
 * When to renew a claim, told again for each new lease: one item for each that is about to expire.
 *
 * @param lease$ the claim's time, now and after each renewal
 */
export function renewals(
  lease$: Observable<ClaimTime>,
  { renewAt = 0.7, spread = 0.1, random = Math.random, scheduler = asyncScheduler }: ExpiryOptions = {},
): Observable<unknown> {
  return lease$.pipe(switchMap(({ forMs }) => longTimer(forMs * (renewAt - spread * random()), scheduler)));
}

/** Emits when a claim has run out: the latest one, as each renewal puts it off. */
export function claimExpiry(
  lease$: Observable<ClaimTime>,
  scheduler: SchedulerLike = asyncScheduler,
): Observable<'expired'> {
  return lease$.pipe(
    switchMap(({ forMs }) => longTimer(forMs, scheduler)),
    map(() => 'expired' as const),
  );
}
