import fc from 'fast-check';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import { copyLog } from '../../../src/worker/task-log/copy-log.ts';
import { openTaskLog, type TaskLog, type TaskLogOptions } from '../../../src/worker/task-log/task-log.ts';

const never = new AbortController().signal;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-copy-log-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function newLog(folder: string, options: Partial<TaskLogOptions> = {}): Promise<TaskLog> {
  return openTaskLog({ folders: [folder], name: 'task.log', secrets: () => [], ...options });
}

async function copyOf(log: TaskLog, folder: string): Promise<string> {
  const file = join(folder, 'copy');
  const handle = await open(file, 'w+');
  try {
    await copyLog(log, handle, never);
  } finally {
    await handle.close();
  }
  return readFile(file, 'latin1');
}

async function write(log: TaskLog, chunk: string): Promise<void> {
  if (!log.output.write(chunk)) await once(log.output, 'drain');
}

const withoutTimes = (text: string) => text.replaceAll(/20\d\d-\S+Z/g, 'T');

describe('a copy of a log', () => {
  it('has everything that was written before, and nothing that is written later', async () => {
    const folder = await newFolder();
    const log = await newLog(folder);
    onTestFinished(() => log.remove());
    const long = 'x'.repeat(3 * 1024 * 1024);
    log.output.write(long);
    log.info('before');
    const copy = await copyOf(log, folder);
    log.info('after');
    expect(await readFile(join(folder, 'copy'), 'latin1')).toBe(copy);
    expect(copy.slice(0, long.length)).toBe(long);
    expect(withoutTimes(copy.slice(long.length))).toBe('\n[taskcluster T] before\n');
    await log.end();
    expect(withoutTimes(await readFile(log.file, 'latin1')).slice(long.length)).toBe(
      '\n[taskcluster T] before\n[taskcluster T] after\n',
    );
  });

  it('contains no secret', async () => {
    const folder = await newFolder();
    const log = await newLog(folder, { secrets: () => [new Secret('a-long-secret')] });
    onTestFinished(() => log.remove());
    await write(log, 'is it a-long-');
    expect(await copyOf(log, folder)).toBe('is it ');
    await write(log, 'secret?');
    expect(await copyOf(log, folder)).toBe('is it [redacted]?');
  });

  it('of an empty log is empty', async () => {
    const folder = await newFolder();
    const log = await newLog(folder);
    onTestFinished(() => log.remove());
    expect(await copyOf(log, folder)).toBe('');
  });

  it('is what the log would be if it ended now, even if its middle is left out', async () => {
    const folder = await newFolder();
    const line = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 400 });
    const lines = fc.array(line, { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 100, max: 3_000 }), async (chunks, maxBytes) => {
        const log = await newLog(folder, { maxBytes });
        try {
          for (const chunk of chunks) await write(log, chunk);
          const copies = [await copyOf(log, folder), await copyOf(log, folder)];
          await log.end();
          const whole = withoutTimes(await readFile(log.file, 'latin1'));
          expect(copies.map(withoutTimes)).toEqual([whole, whole]);
        } finally {
          await log.remove();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is abandoned when the run is stopped', async () => {
    const folder = await newFolder();
    const log = await newLog(folder);
    onTestFinished(() => log.remove());
    await write(log, 'text\n');
    const handle = await open(join(folder, 'copy'), 'w+');
    onTestFinished(() => handle.close());
    const stopped = new Error('stopped');
    await expect(copyLog(log, handle, AbortSignal.abort(stopped))).rejects.toBe(stopped);
  });
});
