import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { bundle } from '../../scripts/build/bundle.ts';
import { bin, cleanEnvironment } from '../cli/tcw.ts';
import { findProgram } from '../engines/native-fixtures.ts';
import { someUserIds } from '../engines/user-fixtures.ts';
import { queueForWorkers } from '../cli/workers.ts';
import type { Line } from '../cli/worker-lines.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isRoot = process.getuid?.() === 0;
/** A worker of its own user, and so its tasks, can change nothing that is root's. */
const USER = 65_534;
const AS_USER = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
const CODE =
  'tasks can change the code of this worker: install tcw and Node.js as another user, such as root';

let here: Awaited<ReturnType<typeof queueForWorkers>>;
beforeEach(async () => {
  here = await queueForWorkers();
});
afterEach(() => here.close());

describe.runIf(isRoot && process.platform === 'linux')('a worker with its own user', () => {
  let folder: string;
  let app: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tcw-own-code-'));
    chmodSync(folder, 0o755);
    app = join(folder, 'node_modules/tcw');
    await bundle(join(app, 'dist/cli'));
    for (const name of ['bin', 'schemas', 'package.json']) {
      cpSync(join(root, name), join(app, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs no program that a task has put into a folder of its PATH', async () => {
    const [planted, mark] = [join(folder, 'planted'), join(folder, 'mark')];
    mkdirSync(planted);
    mkdirSync(mark);
    for (const name of [
      'env',
      'mkfifo',
      'nice',
      'nsenter',
      'setpriv',
      'setsid',
      'unshare',
      'ps',
      'prlimit',
    ]) {
      writeFileSync(
        join(planted, name),
        `#!/bin/sh\necho "$0 $*" >>${mark}/run\nexec /usr/bin/${name} "$@"\n`,
        {
          mode: 0o755,
        },
      );
    }
    for (const path of [planted, mark]) chownSync(path, USER, USER);
    const worker = startAsUser({ PATH: `${planted}:relative::${cleanEnvironment().PATH}` });
    await here.reaches(await here.create('true'), 'completed');
    worker.child.kill('SIGTERM');
    await worker.closed;
    expect(existsSync(join(mark, 'run'))).toBe(false);
    expect(worker.lines()).toContainEqual(
      expect.objectContaining({
        msg: 'the worker uses no programs from folders that its tasks can write to',
        folders: [planted, 'relative', ''],
      }),
    );
    expect(worker.lines().map(({ msg }) => msg)).not.toContain(CODE);
  });

  it('warns if its tasks can change its code', async () => {
    await execa('chown', ['-R', '--no-dereference', `${USER}`, app]);
    const worker = startAsUser({});
    await expect
      .poll(worker.lines)
      .toContainEqual(
        expect.objectContaining({ level: 'warn', msg: CODE, code: [expect.stringMatching(app)] }),
      );
    worker.child.kill('SIGTERM');
    await worker.closed;
  });

  function startAsUser(variables: Readonly<Record<string, string>>) {
    chownSync(here.tasksDir, USER, USER);
    const words = [...AS_USER, join(app, 'bin/tcw.js'), ...here.words()];
    return started(
      spawn(findProgram('setpriv') ?? 'setpriv', words, {
        env: { ...cleanEnvironment(), ...here.environment, ...variables },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    );
  }
});

it('a worker of root warns that its tasks are root', async () => {
  const worker = here.start();
  await worker.says('worker listening');
  expect(worker.lines().filter(({ msg }) => msg.includes('root'))).toEqual(
    isRoot
      ? [
          expect.objectContaining({
            level: 'warn',
            msg: 'tasks run as root and can change this machine: start the worker as another user',
          }),
        ]
      : [],
  );
});

it.runIf(isRoot)('a worker with the engine "user" uses no program that everybody can write', async () => {
  const folder = mkdtempSync(join('/var/lib', 'tcw-test-path-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  chmodSync(folder, 0o777);
  const tasksDir = mkdtempSync(join('/var/lib', 'tcw-test-tasks-'));
  onTestFinished(() => {
    rmSync(tasksDir, { recursive: true });
  });
  const { PATH = '' } = cleanEnvironment();
  const words = here.words('--engine', 'user', '--task-user-ids', someUserIds(), '--tasks-dir', tasksDir);
  const worker = started(
    spawn(process.execPath, [bin, ...words], {
      env: { ...cleanEnvironment(), ...here.environment, PATH: `${folder}:${PATH}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
  await expect
    .poll(worker.lines, { timeout: 30_000 })
    .toContainEqual(expect.objectContaining({ level: 'info', folders: [folder] }));
  expect(worker.lines().filter(({ msg }) => msg.includes('tasks run as root'))).toEqual([]);
  worker.child.kill('SIGTERM');
  await worker.closed;
});

function started(child: ChildProcess) {
  let said = '';
  child.stderr?.on('data', chunk => (said += String(chunk)));
  return {
    child,
    closed: once(child, 'close'),
    lines: () =>
      said
        .slice(0, said.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Line),
  };
}
