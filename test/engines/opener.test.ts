import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Opener } from '../../src/worker/engines/native/launcher/opener.ts';
import { readProcessTable } from '../../src/worker/engines/native/processes/process-table.ts';
import { findProgram, PATH } from './native-fixtures.ts';

const shells = ['dash', 'bash', 'ash'].flatMap(name => findProgram(name) ?? []);

/** A process's memory in kB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

const children = async () => (await readProcessTable()).filter(({ parent }) => parent === process.pid);

describe.runIf(process.platform === 'linux').each(shells)('the helper shell of the worker (%s)', shell => {
  it('keeps no memory for processes that have ended', async () => {
    // The started programs end immediately, so that many rounds are fast.
    const words = {
      shell,
      first: 'true',
      launcher: 'true',
      terminal: '',
      resetting: 'command',
      forking: 'command',
    };
    const before = new Set((await children()).map(({ pid }) => pid));
    const opener = new Opener([shell], words, PATH);
    onTestFinished(() => {
      opener.close();
    });
    const nothing = { close: () => undefined };
    await opener.open('1', () => nothing);
    const own = (await children()).find(({ pid }) => !before.has(pid))?.pid ?? 0;
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round += 1) {
        await opener.open('1', () => nothing);
      }
      return memoryOf(own);
    };
    const early = await rounds(200);
    expect(early).toBeGreaterThan(0);
    // Each round has two jobs of about 60 bytes each.
    expect((await rounds(2_500)) - early).toBeLessThan(120);
    const ended = (await readProcessTable()).filter(({ parent, zombie }) => parent === own && zombie);
    expect(ended.length).toBeLessThan(10);
  });
});
