import { of, VirtualTimeScheduler, type Observable, type SchedulerLike } from 'rxjs';
import { expect, it } from 'vitest';
import { claimExpiry, deadline, longTimer, renewals } from '../../src/streams/index.ts';

const MONTH_MS = 30 * 24 * 3_600_000;
const lease$ = of({ forMs: MONTH_MS });

it.each<[string, (scheduler: SchedulerLike) => Observable<unknown>, atMs: number]>([
  ['longTimer', scheduler => longTimer(MONTH_MS, { scheduler }), MONTH_MS],
  ['deadline', scheduler => deadline(MONTH_MS, { scheduler }), MONTH_MS],
  ['claimExpiry', scheduler => claimExpiry(lease$, { scheduler }), MONTH_MS],
  ['renewals', scheduler => renewals(lease$, { scheduler, random: () => 0 }), 0.7 * MONTH_MS],
])('%s uses the given scheduler', (_, wait, atMs) => {
  const scheduler = new VirtualTimeScheduler();
  const seen: number[] = [];
  wait(scheduler).subscribe(() => seen.push(scheduler.now()));
  expect(seen).toEqual([]);
  scheduler.flush();
  expect(seen).toEqual([atMs]);
});
