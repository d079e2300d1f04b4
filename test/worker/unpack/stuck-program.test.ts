import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { decompressed, unpackInto } from '../../../src/worker/unpack/index.ts';
import { waitFor } from '../../wait-for.ts';

/** Replaces xz by a script, and makes a file for it. */
function stuckProgram(script: string) {
  const folder = mkdtempSync(join(tmpdir(), 'tcw-stuck-'));
  const { PATH } = process.env;
  onTestFinished(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  });
  process.env.PATH = `${folder}:${PATH}`;
  const pids = join(folder, 'pids');
  writeFileSync(join(folder, 'xz'), `#!/bin/sh\n${script.replaceAll('PIDS', pids)}`, { mode: 0o755 });
  const file = join(folder, 'content');
  writeFileSync(file, Buffer.alloc(1_000_000));
  const started = () =>
    waitFor(() => {
      const found = readFileSync(pids, 'utf8').trim().split('\n').map(Number);
      expect(found.every(pid => pid > 0)).toBe(true);
      return found;
    });
  return { folder, file, started };
}

const SILENT = 'echo $$ > PIDS; exec sleep 100';
/** Whether a process exists, including zombies. */
const isThere = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('a decompression program is ended when the work is stopped', async () => {
  const { file, started } = stuckProgram(SILENT);
  const stop = new AbortController();
  const reading = buffer(decompressed(file, 'xz', { signal: stop.signal }));
  reading.catch(() => undefined);
  const [pid = 0] = await started();
  stop.abort(new Error('stopped by the test'));
  await expect(reading).rejects.toThrow('stopped by the test');
  expect(isThere(pid)).toBe(false);
});

it('a decompression program is ended when nobody reads its output', async () => {
  const { file, started } = stuckProgram(SILENT);
  const stream = decompressed(file, 'xz', { signal: new AbortController().signal });
  stream.resume();
  const [pid = 0] = await started();
  stream.destroy();
  await once(stream, 'close');
  expect(isThere(pid)).toBe(false);
});

it('a program is not waited for if a child process holds its pipes', async () => {
  const { file, started } = stuckProgram('sleep 100 & echo $! > PIDS.new; mv PIDS.new PIDS; wait');
  const stop = new AbortController();
  const reading = buffer(decompressed(file, 'xz', { signal: stop.signal }));
  reading.catch(() => undefined);
  const [pid = 0] = await started();
  stop.abort(new Error('stopped by the test'));
  await expect(reading).rejects.toThrow('stopped by the test');
  process.kill(pid, 'SIGKILL');
});

it('an unpacking program is ended when the work is stopped, and so is its thread', async () => {
  const { file, folder, started } = stuckProgram(SILENT);
  const stop = new AbortController();
  await mkdir(join(folder, 'tree'));
  const unpacking = unpackInto(file, 'tar.xz', join(folder, 'tree'), { signal: stop.signal });
  unpacking.catch(() => undefined);
  const [pid = 0] = await started();
  stop.abort(new Error('stopped by the test'));
  await expect(unpacking).rejects.toThrow('stopped by the test');
  expect(isThere(pid)).toBe(false);
});
