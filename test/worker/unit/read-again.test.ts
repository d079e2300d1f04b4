import { expect, it, onTestFinished, vi } from 'vitest';
import { retryRead } from '../../../src/worker/files/retry-read.ts';
import { StreamFailed } from '../../../src/worker/files/stream-pieces.ts';

const { signal } = new AbortController();
const broken = (isRetryable: boolean) =>
  new StreamFailed('resource-unavailable', 'could not be read: hang up', isRetryable);

/** A read that fails with these errors in turn, and then succeeds. */
function failing(...errors: Error[]) {
  let tries = 0;
  const read = async () => {
    const error = errors[tries++];
    if (error) throw error;
    return 'read';
  };
  return { read, tries: () => tries };
}

function jitter(value: number): void {
  vi.spyOn(Math, 'random').mockReturnValue(value);
  onTestFinished(() => void vi.restoreAllMocks());
}

it('retries a read that failed', async () => {
  jitter(0);
  const { read, tries } = failing(broken(true), broken(true));
  expect(await retryRead(read, signal)).toBe('read');
  expect(tries()).toBe(3);
});

it('fails after eight attempts', async () => {
  jitter(0);
  const { read, tries } = failing(...Array.from({ length: 20 }, () => broken(true)));
  await expect(retryRead(read, signal)).rejects.toThrow('could not be read: hang up');
  expect(tries()).toBe(8);
});

it.each([
  ['a length that differs', broken(false)],
  ['any other error', new Error('could not be read: no such thing')],
])('does not retry after %s', async (_, error) => {
  const { read, tries } = failing(error);
  await expect(retryRead(read, signal)).rejects.toBe(error);
  expect(tries()).toBe(1);
});

it('stops waiting when the run is stopped', async () => {
  jitter(0.999);
  const stopped = new AbortController();
  const { read, tries } = failing(...Array.from({ length: 20 }, () => broken(true)));
  const reading = retryRead(read, stopped.signal);
  await expect.poll(tries).toBe(1);
  stopped.abort(new Error('task canceled'));
  await expect(reading).rejects.toThrow('task canceled');
  expect(tries()).toBe(1);
});
