import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bin, cleanEnvironment, tcw } from '../cli/tcw.ts';
import { queueForWorkers } from '../cli/workers.ts';
import { onSmallDisk, smallDisks } from '../worker/small-disk.ts';

// What becomes of a worker's own output is no business of its tasks.
const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;
/** Runs a command on a terminal that is closed as soon as the command writes, or on one or a pipe that nobody reads. */
const TERMINAL = `
import fcntl, os, pty, subprocess, sys
master, slave = os.pipe() if sys.argv[1] == 'pipe' else pty.openpty()
if sys.argv[1] == 'pipe':
    fcntl.fcntl(slave, 1031, 4096) # F_SETPIPE_SZ
# In a session of its own the command gets no SIGHUP.
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, start_new_session=True)
print(child.pid, flush=True)
os.close(slave)
if sys.argv[1] == 'gone':
    os.read(master, 1)
    os.close(master)
sys.exit(child.wait())
`;

let folder: string;
let here: Awaited<ReturnType<typeof queueForWorkers>>;
const started: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-output-'));
  here = await queueForWorkers();
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await here.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(program: string, words: readonly string[], stdio: StdioOptions = ['ignore', 'pipe', 'pipe']) {
  const env = { ...cleanEnvironment(), ...here.environment };
  const child = spawn(program, words, { env, stdio });
  started.push(child);
  return child;
}

/** The worker takes a task, finishes it, and goes in order when it is told to. */
async function expectWorks(child: ChildProcess, pid = child.pid ?? 0): Promise<void> {
  const exited = once(child, 'exit');
  await here.reaches(await here.create('echo hello'), 'completed');
  const running = await here.create('sleep 600');
  await here.reaches(running, 'running');
  process.kill(pid, 'SIGTERM');
  expect(await exited).toEqual([72, null]);
  expect((await here.status(running)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
}

describe('tcw run continues', () => {
  it('if its output is on a full disk', async () => {
    const full = openSync('/dev/full', 'w');
    const child = start(bin, here.words(), ['ignore', full, full]);
    closeSync(full);
    await expectWorks(child);
  });

  it('if its output is closed at its start', async () => {
    await expectWorks(start('sh', ['-c', 'exec "$@" >&- 2>&-', 'sh', bin, ...here.words()]));
  });

  it('if its output cannot be written at all', async () => {
    const words = ['-c', 'exec "$@" 1</dev/null 2</dev/null', 'sh', bin, ...here.words()];
    await expectWorks(start('sh', words));
  });

  it('if the reader of its output has exited', async () => {
    const child = start(bin, here.words());
    child.stdout?.destroy();
    child.stderr?.destroy();
    await expectWorks(child);
  });

  it.runIf(HAS_PYTHON && process.platform === 'linux').each([
    ['its terminal closes', 'gone'],
    ['nobody reads its terminal', 'unread'],
    ['nobody reads its pipe', 'pipe'],
  ])('if %s', async (_, how) => {
    // More is said than terminals and pipes hold.
    const child = start('python3', ['-c', TERMINAL, how, bin, ...here.words()]);
    const [pid] = (await once(child.stdout ?? new PassThrough(), 'data')) as [Buffer];
    for (let i = 0; i < 30; i++) await here.create('true');
    await expectWorks(child, Number(String(pid)));
  });
});

describe('tcw dev continues', () => {
  it.each(['/dev/full', 'a closed descriptor'])('if its output is %s', async where => {
    const file = join(folder, 'task.json');
    const mark = join(folder, 'mark');
    const payload = { command: [['sh', '-c', `echo hello; echo x >${mark}`]], maxRunTime: 60 };
    writeFileSync(file, JSON.stringify(payload));
    const to = where === '/dev/full' ? '>/dev/full 2>&1' : '>&- 2>&-';
    const child = start('sh', ['-c', `exec "$@" ${to}`, 'sh', bin, 'dev', '--once', file]);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(existsSync(mark)).toBe(true);
  });
});

it.runIf(smallDisks)('a log that can be written again says how much of it was lost', async () => {
  const words = ['sh', '-c', `exec "$@" 2>${folder}/log`, 'sh', bin, ...here.words()];
  const child = start(...onSmallDisk(folder, 64 * 1024, words));
  await here.reaches(await here.create('true'), 'completed');
  // Nobody else sees the disk.
  const disk = `/proc/${child.pid}/root${folder}`;
  fill(`${disk}/ballast`);
  for (let i = 0; i < 10; i++) await here.reaches(await here.create('true'), 'completed');
  rmSync(`${disk}/ballast`);
  await here.reaches(await here.create('true'), 'completed');
  const lines = readFileSync(`${disk}/log`, 'utf8')
    .split('\n')
    .filter(line => line.endsWith('}'));
  expect(lines.map(line => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      msg: 'lines of this log were lost: it could not be written, or nobody read it',
      lines: expect.any(Number),
    }),
  );
  await expectWorks(child);
});

/** Takes all room of a disk. */
function fill(file: string): void {
  for (const size of [4_096, 1]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(size));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
  }
}

it('a schema that cannot be written leads to an error in one line', async () => {
  const child = start('sh', ['-c', 'exec "$@" >/dev/full', 'sh', bin, 'show-config-schema']);
  const [stderr, [code]] = await Promise.all([text(child.stderr ?? new PassThrough()), once(child, 'exit')]);
  expect(code).toBe(69);
  expect(stderr).toMatch(/^tcw: could not write the schema: ENOSPC[^\n]*\n$/);
  expect(await tcw(['show-config-schema'])).toMatchObject({ exitCode: 0 });
});
