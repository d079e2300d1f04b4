import { of } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { halfOfGrace } from '../../../src/worker/run/grace.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { workerConfig } from './worker-config.ts';

it.each([
  ['shutdownGraceSecs', undefined, 12_500],
  ['the time that a spot notice leaves', () => 100_000, 50_000],
  ['the time that a spot notice leaves, if that is less', () => 4_000, 2_000],
])('uploads of a run are cut off after half of %s', async (_, graceMs, halfMs) => {
  fakeTimers();
  const worker = { shutdown$: of(performance.now()), config: workerConfig({ shutdownGraceSecs: 25 }) };
  let times = 0;
  halfOfGrace({ ...worker, ...(graceMs && { graceMs }) }).subscribe(() => times++);
  await vi.advanceTimersByTimeAsync(halfMs - 1);
  expect(times).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(times).toBe(1);
});
