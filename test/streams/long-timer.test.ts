import { describe, expect, it, vi } from 'vitest';
import { deadline, longTimer } from '../../src/streams/index.ts';
import { fakeTimers, marbles } from './virtual-time.ts';

const DAY_MS = 86_400_000;
/** The longest timer that the platform has: about 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Counts what comes of a stream. */
function watch(stream$: ReturnType<typeof longTimer>): { items: number; complete: boolean } {
  const seen = { items: 0, complete: false };
  stream$.subscribe({ next: () => seen.items++, complete: () => (seen.complete = true) });
  return seen;
}

describe('a long timer', () => {
  it.each([
    ['an instant', 1],
    ['the longest that the platform has', LONGEST_MS],
    ['one ms more than that', LONGEST_MS + 1],
    ['a multiple of it', 3 * LONGEST_MS],
    ['months', 200 * DAY_MS],
  ])('emits once and completes after %s', (_, ms) => {
    marbles(({ expectObservable }) => {
      expectObservable(longTimer(ms)).toBe(`${ms}ms (t|)`, { t: 0 });
    });
  });

  it.each([0, -1, -Infinity])('emits at once for %d ms', ms => {
    marbles(({ expectObservable }) => {
      expectObservable(longTimer(ms)).toBe('(t|)', { t: 0 });
    });
  });

  it('never uses a delay that the platform does not support', () => {
    fakeTimers();
    const seen = watch(longTimer(200 * DAY_MS));
    vi.advanceTimersByTime(200 * DAY_MS - 1);
    expect(seen).toEqual({ items: 0, complete: false });
    vi.advanceTimersByTime(1);
    expect(seen).toEqual({ items: 1, complete: true });
  });

  it('waits forever, with one timer at a time, for a time that never comes', () => {
    fakeTimers();
    const seen = watch(longTimer(Infinity));
    vi.advanceTimersByTime(1_000 * DAY_MS);
    expect(seen.items).toBe(0);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('leaves no timer when it is unsubscribed at any step', () => {
    fakeTimers();
    const subscription = longTimer(200 * DAY_MS).subscribe();
    vi.advanceTimersByTime(100 * DAY_MS);
    subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a deadline', () => {
  it('is the same time, whenever it is subscribed', () => {
    marbles(({ expectObservable }) => {
      const deadline$ = deadline(300 * DAY_MS);
      expectObservable(deadline$).toBe(`${300 * DAY_MS}ms (d|)`, { d: 0 });
      expectObservable(deadline$, `${100 * DAY_MS}ms ^`).toBe(`${300 * DAY_MS}ms (d|)`, { d: 0 });
    });
  });

  it('reads the clock when it is subscribed, not when it is made', () => {
    fakeTimers();
    vi.setSystemTime(1_000);
    const deadline$ = deadline(61_000);
    vi.setSystemTime(31_000);
    const seen = watch(deadline$);
    vi.advanceTimersByTime(29_999);
    expect(seen.items).toBe(0);
    vi.advanceTimersByTime(1);
    expect(seen.items).toBe(1);
  });

  it('emits at once if it has passed', () => {
    fakeTimers();
    const seen = watch(deadline(Date.now() - DAY_MS));
    vi.advanceTimersByTime(0);
    expect(seen).toEqual({ items: 1, complete: true });
  });
});
