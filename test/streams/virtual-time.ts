import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { expect, onTestFinished, vi } from 'vitest';

/** Runs marbles in virtual time: a month passes at once, and nothing but the marbles makes it pass. */
export function marbles(test: (helpers: RunHelpers) => void): void {
  new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  }).run(test);
}

/**
 * Fake timers for one test, for what also waits for promises, which marbles cannot. They are like the platform's also
 * in what is bad: one of more than 2^31 - 1 ms fires at once.
 */
export function fakeTimers(): void {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
