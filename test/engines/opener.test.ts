import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Opener } from '../../src/worker/engines/native/opener.ts';
import { readProcessTable } from '../../src/worker/engines/native/process-table.ts';
import { findProgram, newFolder, PATH } from './native-fixtures.ts';

const shells = ['dash', 'bash', 'ash'].flatMap(name => findProgram(name) ?? []);

/** The memory that a process has, in kB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

const children = async () => (await readProcessTable()).filter(({ parent }) => parent === process.pid);

describe.runIf(process.platform === 'linux').each(shells)('the shell beside the worker (%s)', shell => {
  it('keeps nothing of what it has started once that has ended', async () => {
    const folders = join(await newFolder(), 'run-');
    await mkdir(`${folders}1`);
    // What it starts ends at once, so that many rounds take no time.
    const nothing = { first: 'true', launcher: 'true', resetting: 'command', forking: 'command' };
    const before = new Set((await children()).map(({ pid }) => pid));
    const opener = new Opener(shell, { mkfifo: 'mkfifo', ...nothing }, folders, PATH);
    onTestFinished(() => {
      opener.close();
    });
    await opener.make('1');
    const own = (await children()).find(({ pid }) => !before.has(pid))?.pid ?? 0;
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round += 1) {
        const pid = await opener.open('1');
        await opener.enter('1', pid);
      }
      return memoryOf(own);
    };
    const early = await rounds(200);
    expect(early).toBeGreaterThan(0);
    // Each round is two jobs, and a job some 60 bytes.
    expect((await rounds(2_500)) - early).toBeLessThan(120);
    const ended = (await readProcessTable()).filter(({ parent, zombie }) => parent === own && zombie);
    expect(ended.length).toBeLessThan(10);
  });
});
