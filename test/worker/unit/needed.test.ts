import { EMPTY, NEVER, of, Subject } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { notNeeded, stillNeeded } from '../../../src/worker/life/needed.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';

const PACE = { everyMs: 60_000, apartMs: 5_000, answerMs: 30_000 };
const FREE = { noClaimOpen$: of(undefined) };
const noSpread = () => 1;

it('asks nothing if no worker-manager can decide', () => {
  expect(notNeeded(undefined, of(undefined), FREE)).toBe(EMPTY);
});

it('asks every minute, and ends a worker that is not needed', async () => {
  fakeTimers();
  const isNeeded = vi.fn().mockResolvedValueOnce(true).mockResolvedValue(false);
  const seen: unknown[] = [];
  notNeeded(isNeeded, NEVER, FREE, noSpread, PACE).subscribe(reason => seen.push(reason));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isNeeded).toHaveBeenCalledTimes(1);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen).toEqual(['not-needed']);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(isNeeded).toHaveBeenCalledTimes(2);
});

it('asks when the worker becomes idle, at most every five seconds, including after the last run', async () => {
  fakeTimers();
  const isNeeded = vi.fn().mockResolvedValue(true);
  const resting$ = new Subject<void>();
  const subscription = notNeeded(isNeeded, resting$, FREE, noSpread, PACE).subscribe();
  for (let run = 0; run < 100; run++) resting$.next();
  await vi.advanceTimersByTimeAsync(0);
  expect(isNeeded).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(isNeeded).toHaveBeenCalledTimes(2);
  subscription.unsubscribe();
});

it('ends the worker only when no call is open that may return a claim', async () => {
  const noClaimOpen$ = new Subject<void>();
  const seen: unknown[] = [];
  notNeeded(() => Promise.resolve(false), of(undefined), { noClaimOpen$ }, noSpread, PACE).subscribe(reason =>
    seen.push(reason),
  );
  await Promise.resolve();
  await Promise.resolve();
  expect(seen).toEqual([]);
  noClaimOpen$.next();
  expect(seen).toEqual(['not-needed']);
});

it('treats a worker as needed after an error and without an answer', async () => {
  fakeTimers();
  const seen: unknown[] = [];
  const aborted: boolean[] = [];
  stillNeeded(() => Promise.reject(new Error('no such worker')), PACE).subscribe(needed => seen.push(needed));
  stillNeeded(signal => {
    signal.addEventListener('abort', () => aborted.push(true));
    return new Promise(() => undefined);
  }, PACE).subscribe(needed => seen.push(needed));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(seen).toEqual([true, true]);
  expect(aborted).toEqual([true]);
});
