import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, inject, it, onTestFinished } from 'vitest';
import { asNobody, canBeNobody } from '../engines/native-worker.ts';

const TCW = inject('program');

/** Starts a worker that is to say at once why it cannot start. */
async function run(before: readonly string[], ...flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o777);
  const pool = [
    '--provisioner-id',
    'test',
    '--worker-type',
    'users',
    '--worker-group',
    'g',
    '--worker-id',
    'w',
  ];
  const deployment = ['--root-url', 'http://127.0.0.1:1', '--client-id', 'worker'];
  const words = [
    'run',
    '--engine',
    'user',
    '--tasks-dir',
    join(folder, 'tasks'),
    ...deployment,
    ...pool,
    ...flags,
  ];
  const [file = '', ...more] = [...before, process.execPath, TCW, ...words];
  return execa(file, more, { env: { TCW_ACCESS_TOKEN: 'token-of-the-worker' }, cwd: folder, reject: false });
}

it.runIf(canBeNobody)(
  'tcw run with engine user exits with 69 without root, and explains how to fix it',
  async () => {
    const { exitCode, stderr } = await run(asNobody);
    expect([exitCode, stderr]).toEqual([
      69,
      'tcw: The engine "user" needs root to create users for tasks. Run the worker as root, or use engine: native',
    ]);
  },
);

it('tcw run with engine user exits with 73 if tasks need a desktop', async () => {
  const { exitCode, stderr } = await run([], '--headless-tasks', 'false');
  expect(exitCode).toBe(73);
  expect(stderr).toContain('headlessTasks: the engine "user" gives tasks no desktop session');
});
