import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { mutex } from '../../../src/worker/unpack/mutex.ts';
import { unpackInto } from '../../../src/worker/unpack/index.ts';

const never = new AbortController().signal;

it('work runs one after the other, in order, and skips what was stopped', async () => {
  const turns = mutex();
  const stop = new AbortController();
  const done: string[] = [];
  const first = await turns.lock(never);
  const take = async (name: string, signal: AbortSignal) => {
    using _turn = await turns.lock(signal);
    done.push(`${name} begins`);
    await new Promise(resolve => setImmediate(resolve));
    done.push(`${name} ends`);
  };
  const stopped = take('stopped', stop.signal);
  const others = [take('second', never), take('third', never)];
  stop.abort(new Error('stopped by the test'));
  await expect(stopped).rejects.toThrow('stopped by the test');
  expect(done).toEqual([]);
  first[Symbol.dispose]();
  await Promise.all(others);
  expect(done).toEqual(['second begins', 'second ends', 'third begins', 'third ends']);
  await expect(take('late', stop.signal)).rejects.toThrow('stopped by the test');
  await take('last', never);
});

it('7z archives are unpacked even if an earlier one was damaged or stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-turns-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = fileURLToPath(new URL('fixtures/ascii.7z', import.meta.url));
  const stop = new AbortController();
  const all = [
    unpackInto(file, '7z', folder, { signal: stop.signal }),
    unpackInto(file, 'rar', folder, { signal: never }),
    unpackInto(file, '7z', folder, { signal: stop.signal }),
    unpackInto(file, '7z', folder, { signal: never }),
  ];
  stop.abort(new Error('stopped by the test'));
  const settled = await Promise.allSettled(all);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  expect((await readdir(folder)).length).toBeGreaterThan(0);
});
