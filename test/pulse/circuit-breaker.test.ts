import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CircuitBreaker } from '../../src/pulse/handle/circuit-breaker.ts';

describe('the circuit breaker', () => {
  let allowed = 0;
  let breaker: CircuitBreaker;
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) breaker.failed(true);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    allowed = 0;
    breaker = new CircuitBreaker(
      5,
      () => undefined,
      () => allowed++,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('allows one trial after a pause, and no second one while the first is undecided', () => {
    fail(5);
    expect(breaker.allows).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect([breaker.allows, allowed]).toEqual([true, 1]);
    breaker.started();
    expect(breaker.allows).toBe(false);
    vi.advanceTimersByTime(20_000);
    expect(breaker.allows).toBe(false);
  });

  it('allows another trial when the first hangs', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    breaker.started();
    vi.advanceTimersByTime(30_000);
    expect([breaker.allows, allowed]).toEqual([true, 2]);
  });

  it('allows another trial when the first was inconclusive', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    breaker.started();
    breaker.inconclusive();
    expect(breaker.allows).toBe(true);
  });

  it('stays open if an inconclusive result arrives during a pause', () => {
    fail(5);
    breaker.inconclusive();
    expect(breaker.allows).toBe(false);
  });

  it('pauses longer after each failed trial', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    breaker.started();
    fail(1);
    vi.advanceTimersByTime(999);
    expect(breaker.allows).toBe(false);
    vi.advanceTimersByTime(1_001);
    expect(breaker.allows).toBe(true);
  });

  it('closes when a handler succeeds', () => {
    fail(6);
    breaker.succeeded();
    expect([breaker.open, breaker.allows, allowed]).toEqual([false, true, 1]);
    vi.advanceTimersByTime(60_000);
    expect(allowed).toBe(1);
  });
});
