import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { logProgress } from '../../../src/worker/features/artifacts/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const lines: string[] = [];
  const progress = logProgress({ info: line => void lines.push(line) });
  return { lines, progress };
}

it('logs nothing about uploads that take less than 30 s', () => {
  const { lines, progress } = start();
  for (let upload = 0; upload < 10; upload++) {
    using _ = progress.of(`public/${upload}`);
    vi.advanceTimersByTime(29_000);
  }
  expect(lines).toEqual([]);
});

it('logs one line every 30 s with the progress of all longer uploads', () => {
  const { lines, progress } = start();
  const one = progress.of('public/one');
  vi.advanceTimersByTime(1_000);
  const two = progress.of('public/two');
  one.onSent(3 * 1024 ** 2);
  vi.advanceTimersByTime(29_000);
  expect(lines).toEqual(['Still uploading artifact public/one (3.00 MiB sent)']);
  vi.advanceTimersByTime(30_000);
  expect(lines.slice(1)).toEqual([
    'Still uploading artifact public/one (3.00 MiB sent), artifact public/two (nothing sent yet)',
  ]);
  one[Symbol.dispose]();
  two.onSent(5);
  vi.advanceTimersByTime(30_000);
  expect(lines.slice(2)).toEqual(['Still uploading artifact public/two (5 bytes sent)']);
  two[Symbol.dispose]();
  progress[Symbol.dispose]();
  vi.advanceTimersByTime(300_000);
  expect(lines).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});
