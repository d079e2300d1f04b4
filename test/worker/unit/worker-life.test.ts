import { Observable } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SPREAD_MS, WorkerLife } from '../../../src/worker/life/worker-life.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';

function start(random: number) {
  fakeTimers();
  const life = new WorkerLife(() => random);
  let asking = 0;
  const asking$ = new Observable<never>(() => {
    asking++;
    return () => asking--;
  });
  const subscription = life.whilePulseIs('down', asking$).subscribe();
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  const pulse = (up: boolean) => {
    life.dispatch({ type: 'pulse', up });
  };
  return { pulse, asking: () => asking };
}

describe('polling while Pulse is down', () => {
  it('starts at once if the worker starts without Pulse', () => {
    const { pulse, asking } = start(0.5);
    pulse(false);
    expect(asking()).toBe(1);
  });

  it('starts after a random delay if Pulse was up before, because a whole fleet loses it at once', async () => {
    const { pulse, asking } = start(0.5);
    pulse(true);
    pulse(false);
    await vi.advanceTimersByTimeAsync(SPREAD_MS / 2 - 1);
    expect(asking()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(asking()).toBe(1);
  });

  it('ends when Pulse is back, even before it has started', async () => {
    const { pulse, asking } = start(0.5);
    pulse(true);
    pulse(false);
    pulse(true);
    await vi.advanceTimersByTimeAsync(SPREAD_MS);
    expect(asking()).toBe(0);
    pulse(false);
    await vi.advanceTimersByTimeAsync(SPREAD_MS);
    expect(asking()).toBe(1);
    pulse(true);
    expect(asking()).toBe(0);
  });
});
