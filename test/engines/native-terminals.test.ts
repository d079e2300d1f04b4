import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { alive, engines, newMarker, openSandbox, PATH, sleeping } from './native-fixtures.ts';

const SIZE = { rows: 24, columns: 80 };
const inTerminal = (line: string) => ({ argv: ['sh', '-c', line], env: { PATH }, size: SIZE });

/** The processes that hold this process's terminals. */
async function holders(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir('/proc')) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    if (words.includes('pty-process') && status.includes(`\nPPid:\t${process.pid}\n`))
      found.push(Number(pid));
  }
  return found;
}

describe.runIf(process.platform === 'linux').each(engines)('a terminal ($containment)', engine => {
  it('ends with its sandbox even if the process that holds it was suspended', async () => {
    const { sandbox } = await openSandbox(engine);
    const marker = newMarker();
    const before = await holders();
    await sandbox.openTerminal!(inTerminal(`exec sleep ${marker}`));
    for (const pid of await holders()) if (!before.includes(pid)) process.kill(pid, 'SIGSTOP');
    await sandbox.stop(0);
    expect(await alive(marker)).toEqual([]);
  });

  it('ends with its sandbox while it is being opened', async () => {
    const { sandbox } = await openSandbox(engine);
    const marker = newMarker();
    const opening = sandbox.openTerminal!(inTerminal(`trap '' HUP; sleep ${marker}; :`));
    // The terminal may have been opened before the sandbox was closed, or not.
    opening.catch(() => undefined);
    await sandbox.stop(0);
    // While the worker is busy, the program has time to begin.
    const end = performance.now() + 1_000;
    while (performance.now() < end);
    await opening.catch(() => undefined);
    expect(await alive(marker)).toEqual([]);
  });

  it('sends a hangup signal to its program, and to the one in the foreground', async () => {
    const { sandbox } = await openSandbox(engine);
    const markers = [newMarker(), newMarker()] as const;
    const lines = [`sleep ${markers[0]}; :`, `set -m; sleep ${markers[1]}; :`];
    for (const [index, marker] of markers.entries()) {
      const terminal = await sandbox.openTerminal!(inTerminal(lines[index] ?? ''));
      await sleeping(marker, 1);
      await terminal[Symbol.asyncDispose]();
      await waitFor(async () => {
        expect(await alive(marker)).toEqual([]);
      });
    }
  });
});
