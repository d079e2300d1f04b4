import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { asyncScheduler, BehaviorSubject } from 'rxjs';
import { claimExpiry, renewals, type ClaimTime } from '../../src/streams/index.ts';
import { fakeTimers, marbles } from './virtual-time.ts';

const MINUTE = 60_000;
const lease = (forMs: number): ClaimTime => ({ forMs });
const never = { random: () => 0 };

describe('renewals', () => {
  it('are due at 70 % of a claim', () => {
    marbles(({ cold, expectObservable }) => {
      const lease$ = cold('a', { a: lease(20 * MINUTE) });
      expectObservable(renewals(lease$, never)).toBe(`${14 * MINUTE}ms r`, { r: 0 });
    });
  });

  it('are due again for each new lease, counted from its arrival', () => {
    marbles(({ cold, expectObservable }) => {
      const lease$ = cold('a 9999ms b', { a: lease(10_000), b: lease(20_000) });
      expectObservable(renewals(lease$, never)).toBe('7s r 2999ms 14s r', { r: 0 });
    });
  });

  it('are postponed by a lease that arrives before they were due', () => {
    marbles(({ cold, expectObservable }) => {
      const lease$ = cold('a 4999ms b', { a: lease(10_000), b: lease(10_000) });
      expectObservable(renewals(lease$, never)).toBe('12s r', { r: 0 });
    });
  });

  it('are due once for a lease that no other follows', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(renewals(cold('(a|)', { a: lease(10_000) }), never)).toBe('7s (r|)', { r: 0 });
    });
  });

  it('spread tasks that were claimed together over 60 % to 70 % of the lease', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999999, noNaN: true }), random => {
        let due: number | undefined;
        marbles(({ cold }) => {
          renewals(cold('a', { a: lease(1_000_000) }), { random: () => random }).subscribe(() => {
            due = asyncScheduler.now();
          });
        });
        expect(due).toBeGreaterThanOrEqual(600_000);
        expect(due).toBeLessThanOrEqual(700_000);
      }),
    );
  });

  it('are due at the fraction that the caller configures', () => {
    marbles(({ cold, expectObservable }) => {
      const renewals$ = renewals(cold('a', { a: lease(1_000) }), {
        renewAt: 0.5,
        spread: 0.2,
        random: () => 0.5,
      });
      expectObservable(renewals$).toBe('400ms r', { r: 0 });
    });
  });

  it('are due at once for an expired claim', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(renewals(cold('a', { a: lease(-5_000) }), never)).toBe('r', { r: 0 });
    });
  });
});

describe('the expiry of a claim', () => {
  it('is reported when the claim expires, to the millisecond', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(claimExpiry(cold('a', { a: lease(20 * MINUTE) }))).toBe(`${20 * MINUTE}ms e`, {
        e: 'expired',
      });
    });
  });

  it('is postponed by each renewal', () => {
    marbles(({ cold, expectObservable }) => {
      const lease$ = cold('a 8999ms b 8999ms c', { a: lease(10_000), b: lease(10_000), c: lease(10_000) });
      expectObservable(claimExpiry(lease$)).toBe('28s e', { e: 'expired' });
    });
  });

  it('is reported at once for an expired claim', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(claimExpiry(cold('a', { a: lease(-1) }))).toBe('e', { e: 'expired' });
    });
  });

  it('is not reported after the unsubscription', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(claimExpiry(cold('a', { a: lease(1_000) })), '999ms !').toBe('');
    });
  });
});

it('claims of months neither expire at once nor are renewed at once', () => {
  fakeTimers();
  const lease$ = new BehaviorSubject(lease(60 * 24 * 60 * MINUTE));
  const seen: string[] = [];
  renewals(lease$, never).subscribe(() => seen.push('renew'));
  claimExpiry(lease$).subscribe(expired => seen.push(expired));
  vi.advanceTimersByTime(42 * 24 * 60 * MINUTE - 1);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(seen).toEqual(['renew']);
  vi.advanceTimersByTime(18 * 24 * 60 * MINUTE);
  expect(seen).toEqual(['renew', 'expired']);
});
