import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { readProcessTable } from '../../src/worker/engines/native/process-table.ts';

const children = async () =>
  (await readProcessTable()).filter(({ parent, zombie }) => parent === process.pid && !zombie);

async function start(containment: 'auto' | 'process-group') {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-spare-'));
  const engine = await nativeEngine({ containment, ahead: true });
  const before = (await children()).map(({ pid }) => pid);
  onTestFinished(async () => {
    await engine.close?.();
    await rm(folder, { recursive: true });
  });
  const spares = async () => (await children()).filter(({ pid }) => !before.includes(pid));
  const exitCode = async (code: number) => {
    const sandbox = await engine.open(folder);
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const result = await sandbox.run({ argv: ['/bin/sh', '-c', `exit ${code}`], env: {}, output });
    await sandbox.close();
    return result.exitCode;
  };
  return { engine, spares, exitCode };
}

describe.each(['auto', 'process-group'] as const)('an engine that works ahead (%s)', containment => {
  it('has nothing ready before the first run, and one place after each', async () => {
    const { spares, exitCode } = await start(containment);
    expect(await spares()).toHaveLength(0);
    for (const code of [1, 2, 3]) {
      expect(await exitCode(code)).toBe(code);
      await expect.poll(spares).toHaveLength(1);
    }
  });

  it('runs the next one all the same when what was ready has been killed', async () => {
    const { spares, exitCode } = await start(containment);
    await exitCode(0);
    await expect.poll(spares).toHaveLength(1);
    for (const { pid } of await spares()) process.kill(pid, 'SIGKILL');
    await expect.poll(spares).toHaveLength(0);
    expect(await exitCode(5)).toBe(5);
  });

  it('leaves nothing when it is closed', async () => {
    const { engine, spares, exitCode } = await start(containment);
    await exitCode(0);
    await engine.close?.();
    expect(await spares()).toHaveLength(0);
  });
});
