import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemClock } from '../../src/local/index.ts';

const DAY = 24 * 3_600_000;

describe("the machine's clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('supports longer delays than the timers of Node', () => {
    const callback = vi.fn();
    systemClock.after(60 * DAY, callback);
    vi.advanceTimersByTime(60 * DAY - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('calls back at once for a time in the past', () => {
    const callback = vi.fn();
    systemClock.after(-1, callback);
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('can be cancelled at any time', () => {
    const callback = vi.fn();
    const stop = systemClock.after(60 * DAY, callback);
    vi.advanceTimersByTime(40 * DAY);
    stop();
    vi.advanceTimersByTime(40 * DAY);
    expect(callback).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
