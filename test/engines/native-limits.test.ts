import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdir, readFile, rmdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { processLimit, taskOomScore } from '../../src/worker/engines/native/pid-namespace/limits.ts';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { alive, engines, findProgram, newMarker, openSandbox, PATH, Log } from './native-fixtures.ts';
import { startWorker, workerScript } from './native-worker.ts';

const MOST = 200;
/** How many more processes a namespace allows, because the kernel does not reuse its lowest IDs. */
const BEYOND = 300;

/** The engines that can limit the number of processes on this machine. */
const limited = (
  await Promise.all(engines.map(({ containment }) => nativeEngine({ containment, maxProcesses: MOST })))
).filter(({ unlimitedReason }) => unlimitedReason === undefined);

/** Starts three times as many processes as allowed, and then becomes one of them. */
const crowd = (marker: string) => `
  (i=0; while [ $i -lt ${3 * MOST + BEYOND} ]; do sleep ${marker} & i=$((i+1)); done) 2>/dev/null
  exec sleep ${marker}`;

/** How many processes with this program name are alive. */
function called(name: string): number {
  const stats = readdirSync('/proc').map(pid => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'latin1');
    } catch {
      return '';
    }
  });
  return stats.filter(stat => stat.includes(`(${name}) `) && !stat.includes(`(${name}) Z`)).length;
}

async function settled(marker: string): Promise<number> {
  for (let before = -1; ;) {
    const count = (await alive(marker)).filter(line => /^\d+ sleep /.test(line)).length;
    if (count > 1 && count === before) return count;
    before = count;
    await sleep(300);
  }
}

describe('the limit for processes', () => {
  it('is enforced by the system for a user, and per namespace for root', () => {
    const kernel = '6.14.0';
    const user = { by: 'user', processes: MOST };
    expect(processLimit(MOST, { inNamespace: true, uid: 1_000, kernel })).toEqual(user);
    expect(processLimit(MOST, { inNamespace: false, uid: 1_000, kernel: '4.19.0' })).toEqual(user);
    const namespace = { by: 'namespace', processes: MOST };
    expect(processLimit(MOST, { inNamespace: true, uid: 0, kernel })).toEqual(namespace);
    expect(processLimit(MOST, { inNamespace: true, uid: 0, kernel: '10.0-rc1' })).toEqual(namespace);
  });

  it('is not available to root if it would limit the whole machine, and the reason is given', () => {
    expect(processLimit(MOST, { inNamespace: true, uid: 0, kernel: '6.13.12-amd64' })).toMatch(
      /only Linux 6\.14 and later .* this is 6\.13\.12-amd64$/,
    );
    expect(processLimit(MOST, { inNamespace: false, uid: 0, kernel: '6.18.0' })).toMatch(/PID namespace/);
  });

  it.runIf(process.platform === 'linux')('does not change limits of the machine', async () => {
    const before = await readFile('/proc/sys/kernel/pid_max', 'latin1');
    for (const engine of limited) {
      const { shell } = await openSandbox(engine);
      await shell('true');
    }
    expect(await readFile('/proc/sys/kernel/pid_max', 'latin1')).toBe(before);
  });
});

describe.each(limited)('a run that starts too many processes ($containment)', engine => {
  it('gets as many as the limit allows', async () => {
    const { shell, sandbox } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(crowd(marker));
    const count = await settled(marker);
    expect(count).toBeGreaterThan(MOST - 20);
    expect(count).toBeLessThanOrEqual(MOST + BEYOND);
    await sandbox.stop(0);
    expect(await alive(marker)).toEqual([]);
    expect(await run).toMatchObject({ exitCode: 137 });
  });

  it('cannot start another command, with the usual error', async () => {
    const { shell } = await openSandbox(engine);
    const marker = newMarker();
    await shell(`(${crowd(marker)}) &`);
    await settled(marker);
    await expect(shell('true')).rejects.toThrow('fork/exec sh: resource temporarily unavailable');
  });

  it('does not affect another run', async () => {
    const marker = newMarker();
    const { shell } = await openSandbox(engine);
    await shell(`(${crowd(marker)}) &`);
    await settled(marker);
    const other = await openSandbox(engine);
    expect(await other.shell('sleep 0 & sleep 0 & wait')).toMatchObject({ exitCode: 0 });
  });

  // A second limit in case the tested one fails. Where possible, the fork bomb also runs as a separate user.
  const guards = [
    ...(process.getuid?.() === 0 ? ['setpriv --reuid=54321 --regid=54321 --clear-groups --'] : []),
    'prlimit --nproc=1000:1000 --',
  ];
  const bombs = ['perl', 'prlimit', 'setpriv'].every(findProgram);
  it.runIf(bombs)('and never stops trying is ended completely, and the worker continues', async () => {
    const { sandbox, folder } = await openSandbox(engine);
    // A process's arguments cannot be read while it forks, and these fork all the time. The program's name can be read.
    const name = `bomb${newMarker()}`;
    await symlink(findProgram('perl') ?? '', path.join(folder, name));
    const argv = ['sh', '-c', `exec ${guards.join(' ')} ./${name} -e 'fork while 1'`];
    const run = sandbox.run({ argv, env: { PATH }, output: new Log() });
    await expect.poll(() => called(name), { interval: 50 }).toBeGreaterThan(MOST - 20);
    await sleep(200);
    expect(called(name)).toBeLessThanOrEqual(MOST + BEYOND);
    const other = await openSandbox(engine);
    expect(await other.shell('exit 3')).toMatchObject({ exitCode: 3 });
    await sandbox.stop(1_000);
    expect(called(name)).toBe(0);
    expect([137, 143]).toContain((await run).exitCode);
  });
});

/** Prefix that runs a program as a user whom nobody else uses, because limits for users do not apply to root. */
const asNewUser = [
  findProgram('setpriv') ?? 'setpriv',
  '--reuid=54322',
  '--regid=54322',
  '--clear-groups',
  '--',
];
const canBeNewUser =
  process.getuid?.() === 0 &&
  spawnSync(asNewUser[0] ?? '', [...asNewUser.slice(1), process.execPath, '--check', workerScript]).status ===
    0;

describe.runIf(canBeNewUser).each(engines)('a worker that is not root ($containment)', ({ containment }) => {
  it('limits the processes of a run', async () => {
    const marker = newMarker();
    const worker = await startWorker(asNewUser, crowd(marker), { containment, maxProcesses: MOST });
    expect(worker.unlimitedReason).toBeUndefined();
    const count = await settled(marker);
    // Without a namespace, the worker's own threads count, too.
    expect(count).toBeGreaterThan(MOST - 60);
    expect(count).toBeLessThanOrEqual(MOST);
    expect(await worker.finish()).toMatchObject({ exitCode: 143 });
    expect(await alive(marker)).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux').each(engines)('when memory is short ($containment)', engine => {
  it('a task is killed before its worker', async () => {
    const { shell } = await openSandbox(engine);
    const own = Number(await readFile('/proc/self/oom_score_adj', 'latin1'));
    const { log } = await shell('cat /proc/self/oom_score_adj');
    expect(Number(log.text)).toBe(taskOomScore(own));
  });
});

it('a task is never exempt from the OOM killer, although worker-runner exempts its worker', () => {
  expect([-1_000, -500, 0, 250, 800, 1_000].map(taskOomScore)).toEqual([0, 0, 500, 750, 1_000, 1_000]);
});

/** A folder for control groups (v1 or v2) with a memory limit. They require root. */
const memoryGroups = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max' },
].find(({ root, limit }) => {
  const group = path.join(root, newMarker());
  try {
    mkdirSync(group);
    const found = existsSync(path.join(group, limit));
    rmdirSync(group);
    return found;
  } catch {
    return false;
  }
});

describe.runIf(memoryGroups !== undefined).each(engines)('after memory ran out ($containment)', engine => {
  it('the command was killed by the system, and the result says why', async () => {
    const { root, limit } = memoryGroups ?? { root: '', limit: '' };
    const group = path.join(root, `tcw-${newMarker()}`);
    await mkdir(group);
    await writeFile(path.join(group, limit), String(32 * 1024 * 1024));
    const { shell, sandbox } = await openSandbox(engine);
    // tail keeps everything that it reads until the end of a line.
    const { log, ...result } = await shell(`echo 0 >${group}/cgroup.procs && exec tail /dev/zero`);
    expect([result, log.text]).toEqual([expect.objectContaining({ exitCode: 137, memoryRanOut: true }), '']);
    expect((await shell('true')).memoryRanOut).toBeUndefined();
    await sandbox.close();
    await rmdir(group);
  });
});

describe.runIf(process.platform === 'linux').each(engines)(
  'the limits with which a worker was started ($containment)',
  ({ containment }) => {
    const line = 'ulimit -Sn; ulimit -Sc; ulimit -Hn';
    const [hard = ''] =
      /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.slice(1) ?? [];
    const limited = (limits: string) => ['sh', '-c', `${limits} && exec "$0" "$@"`];

    it('apply to tasks, although Node raises its own', async () => {
      const prefix = ['env', 'TCW_STARTED_LIMITS=nofile=1000 core=0', ...limited('ulimit -Sn 900')];
      const { finish } = await startWorker(prefix, line, { containment, toItsEnd: true });
      expect(await finish()).toEqual({ exitCode: 0, output: `1000\n0\n${hard}\n` });
    });

    it('are those of the process that started the worker if nobody has saved them', async () => {
      // A shell that stays the parent of the worker.
      const prefix = ['sh', '-c', 'ulimit -Sn 900; ulimit -Sc 0; "$0" "$@"; exit'];
      const { finish } = await startWorker(prefix, line, { containment, toItsEnd: true });
      expect(await finish()).toEqual({ exitCode: 0, output: `900\n0\n${hard}\n` });
    });

    it.each(['', 'nofile=', 'nofile=1;reboot core=x', 'other=5'])(
      'are left unchanged if the saved ones are invalid: "%s"',
      async limits => {
        const prefix = ['env', `TCW_STARTED_LIMITS=${limits}`, ...limited('ulimit -Sc 0')];
        const { finish } = await startWorker(prefix, 'ulimit -Sc; echo "$?"', {
          containment,
          toItsEnd: true,
        });
        expect(await finish()).toEqual({ exitCode: 0, output: '0\n0\n' });
      },
    );
  },
);

const fewDescriptors = fileURLToPath(new URL('few-descriptors-process.ts', import.meta.url));

describe.runIf(process.platform === 'linux').each(engines)(
  'without free file descriptors ($containment)',
  ({ containment }) => {
    it('a run that cannot start reports that, and leaks none', async () => {
      const line = 'ulimit -n 64 && exec "$0" "$@"';
      const { stdout } = await execa('sh', ['-c', line, process.execPath, fewDescriptors, containment]);
      const seen = stdout.split('\n').map(text => JSON.parse(text) as { ended: string; lost: number });
      expect(seen).toHaveLength(21);
      expect(seen[0]?.ended).toBe('exit code 0');
      expect(seen.at(-1)?.ended).toBe('EMFILE');
      for (const { ended, lost } of seen) {
        expect(['exit code 0', 'EMFILE']).toContain(ended);
        expect(lost).toBe(0);
      }
    });
  },
);
