import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutageGate } from '../../src/pulse/handle/outage-gate.ts';

describe('the gate of an outage', () => {
  let opened = 0;
  let gate: OutageGate;
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) gate.failed(true);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    opened = 0;
    gate = new OutageGate(
      5,
      () => undefined,
      () => opened++,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets one through after a pause, and no second one while nothing is known of the first', () => {
    fail(5);
    expect(gate.admits).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect([gate.admits, opened]).toEqual([true, 1]);
    gate.started();
    expect(gate.admits).toBe(false);
    vi.advanceTimersByTime(20_000);
    expect(gate.admits).toBe(false);
  });

  it('lets another one through when the first hangs', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    gate.started();
    vi.advanceTimersByTime(30_000);
    expect([gate.admits, opened]).toEqual([true, 2]);
  });

  it('lets another one through when the first has told nothing', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    gate.started();
    gate.undecided();
    expect(gate.admits).toBe(true);
  });

  it('is not opened by what tells nothing before its pause is over', () => {
    fail(5);
    gate.undecided();
    expect(gate.admits).toBe(false);
  });

  it('pauses longer after each failure of what it lets through', () => {
    fail(5);
    vi.advanceTimersByTime(1_000);
    gate.started();
    fail(1);
    vi.advanceTimersByTime(999);
    expect(gate.admits).toBe(false);
    vi.advanceTimersByTime(1_001);
    expect(gate.admits).toBe(true);
  });

  it('is open when one succeeds', () => {
    fail(6);
    gate.succeeded();
    expect([gate.closed, gate.admits, opened]).toEqual([false, true, 1]);
    vi.advanceTimersByTime(60_000);
    expect(opened).toBe(1);
  });
});
