import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { KEEPER } from '../../src/worker/engines/native/processes/mark.ts';
import { environmentOf, readProcessTable } from '../../src/worker/engines/native/processes/process-table.ts';
import { runFolderAt } from '../run-folder-at.ts';

/** Processes beside the worker with this search path, each with the mark that all processes of its run share. */
const beside = async (searchPath: string) => {
  const rows = await readProcessTable();
  return rows
    .filter(({ zombie }) => !zombie)
    .flatMap(row => {
      const { pid } = row;
      const environment = environmentOf(row);
      if (!environment.includes(`PATH=${searchPath}`)) return [];
      return environment.filter(entry => entry.startsWith(`${KEEPER}=`)).map(mark => ({ pid, mark }));
    });
};

async function start(containment: 'auto' | 'process-group') {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-spare-'));
  // No other engine on this machine has this search path.
  const searchPath = `${process.env.PATH}:${folder}`;
  const engine = await nativeEngine({ containment, ahead: true, searchPath });
  onTestFinished(async () => {
    await engine.close?.();
    await rm(folder, { recursive: true });
  });
  /** The processes of each prepared enclosure. */
  const spares = async () => {
    return Object.values(Object.groupBy(await beside(searchPath), ({ mark }) => mark));
  };
  const exitCode = async (code: number) => {
    const sandbox = await engine.open({ home: runFolderAt(folder) });
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const result = await sandbox.run({ argv: ['/bin/sh', '-c', `exit ${code}`], env: {}, output });
    await sandbox.close();
    return result.exitCode;
  };
  return { engine, spares, exitCode };
}

/** Kills a process. The end of another process may have ended it already. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended already.
  }
}

describe.each(['auto', 'process-group'] as const)(
  'an engine that prepares sandboxes in advance (%s)',
  containment => {
    it('prepares none before the first run, and one after each', async () => {
      const { spares, exitCode } = await start(containment);
      expect(await spares()).toHaveLength(0);
      for (const code of [1, 2, 3]) {
        expect(await exitCode(code)).toBe(code);
        await expect.poll(spares).toHaveLength(1);
      }
    });

    it('still runs the next command if the prepared sandbox was killed', async () => {
      const { spares, exitCode } = await start(containment);
      await exitCode(0);
      await expect.poll(spares).toHaveLength(1);
      // The next enclosure may be incomplete, and its preparation continues.
      const killed = async () => {
        const found = await spares();
        for (const { pid } of found.flatMap(spare => spare ?? [])) kill(pid);
        return found;
      };
      await expect.poll(killed).toHaveLength(0);
      expect(await exitCode(5)).toBe(5);
    });

    it('still runs the next command if all processes of the worker were killed', async () => {
      const children = async () => (await readProcessTable()).filter(({ parent }) => parent === process.pid);
      const before = (await children()).map(({ pid }) => pid);
      const { spares, exitCode } = await start(containment);
      await exitCode(0);
      await expect.poll(spares).toHaveLength(1);
      const started = async () =>
        (await children()).filter(({ pid, zombie }) => !zombie && !before.includes(pid));
      for (const { pid } of await started()) kill(pid);
      await expect.poll(started).toHaveLength(0);
      // Node learns of the ends of the processes when it next polls its descriptors.
      await sleep(100);
      expect(await exitCode(6)).toBe(6);
    });

    it('leaves no processes when it is closed', async () => {
      const { engine, spares, exitCode } = await start(containment);
      await exitCode(0);
      await engine.close?.();
      expect(await spares()).toHaveLength(0);
    });
  },
);
