import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { alive, appearing, newMarker } from '../engines/native-fixtures.ts';
import { waitFor } from '../wait-for.ts';
import { compile } from '../harness/compile.ts';

const script = fileURLToPath(new URL('stubborn-process.ts', import.meta.url));
const NOBODY = 65_534;
const asRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
const canRun = (before: readonly string[]) => {
  const [file = '', ...words] = [...before, process.execPath, '--check', script];
  return spawnSync(file, words).status === 0;
};
const users = [
  { user: asRoot ? 'root' : 'an ordinary user', before: [] as string[] },
  ...(asRoot && canRun(asNobody) ? [{ user: 'an ordinary user', before: asNobody }] : []),
];

let folder: string;
let hard: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-bounded-'));
  await chmod(folder, 0o777);
  hard = join(folder, 'hard-to-end');
  await compile(new URL('hard-to-end.c', import.meta.url), hard, '-pthread');
});
afterAll(() => rm(folder, { recursive: true }));

/** Starts the worker; it ends with the test, and so does whatever has the marker. */
async function start(before: readonly string[], marker: string, ...lines: string[]) {
  const [file = '', ...words] = [...before, process.execPath, script, folder];
  const worker = execa(file, words, {
    env: { TCW_TEST_LINES: JSON.stringify(lines) },
    stdin: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
  });
  onTestFinished(async () => {
    worker.kill('SIGKILL');
    await waitFor(async () => {
      const left = await alive(marker);
      for (const line of left) spawnSync('kill', ['-s', 'KILL', line.split(' ')[0] ?? '']);
      expect(left).toEqual([]);
    });
  });
  const said = createInterface(worker.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await said.next()).value)) as { pid?: number; error?: string };
  await next();
  return {
    worker,
    close: async () => {
      worker.stdin.write('close\n');
      return (await next()).error;
    },
  };
}

/** How many threads the processes of a program have that look like zombies. A zombie has one. */
async function headless(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(pid => /^\d+$/.test(pid));
  const stats = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')));
  const found = stats.filter(stat => stat.includes(' (hard-to-end) Z '));
  return found
    .map(stat => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[17]))
    .filter(count => count > 1);
}

const pidOf = async (marker: string, program: string) => {
  const pattern = new RegExp(`^\\d+ \\S*${program} `);
  return waitFor(async () => {
    const [found] = (await alive(marker)).filter(line => pattern.test(line));
    expect(found).toBeDefined();
    return Number(found?.split(' ')[0]);
  });
};

describe.runIf(process.platform === 'linux').each(users)(
  'ending the process group of $user',
  ({ before }) => {
    it('continues past a process that looks like a zombie', async () => {
      const marker = newMarker();
      const line = `(setsid ${hard} headless ${marker} & exit); sleep ${marker}`;
      const { close } = await start(before, marker, line);
      await pidOf(marker, 'sleep');
      await expect.poll(headless).toHaveLength(1);
      expect(await close()).toBeUndefined();
      expect(await headless()).toEqual([]);
      expect(await alive(marker)).toEqual([]);
    });

    it('ends processes that fork all the time, while their parents exit', async () => {
      for (let round = 0; round < 3; round++) {
        const marker = newMarker();
        const { close } = await start(before, marker, `${hard} forking ${marker}`);
        await pidOf(marker, 'hard-to-end');
        expect(await close()).toBeUndefined();
        // One look at the processes can miss those that come and go.
        for (let look = 0; look < 10; look++) expect(await alive(marker)).toEqual([]);
      }
    });

    it('reports a process that another one holds in its exit, and ends it once that is possible', async () => {
      const marker = newMarker();
      const escaped = `(env -i setsid sh -c '${hard} holder "$1" ${marker} >held & exit' sh $! & exit)`;
      const { close } = await start(before, marker, `cd ${folder}; sleep ${marker} & ${escaped}; wait`);
      const [held, holder] = [await pidOf(marker, 'sleep'), await pidOf(marker, 'hard-to-end')];
      await expect.poll(() => readFile(join(folder, 'held'), 'utf8').catch(() => '')).toBe('held\n');
      await rm(join(folder, 'held'));
      expect(await close()).toMatch(new RegExp(`^Processes cannot be ended: ${held} \\(sleep, state [tTD]`));
      process.kill(holder, 'SIGKILL');
      expect(await close()).toBeUndefined();
    });

    it('does not wait for a watchdog or a launcher that a task has suspended', async () => {
      const marker = newMarker();
      const ready = join(folder, 'stopped');
      const everyone = `for f in $(grep -lsF "TCW_KEEPER=$TCW_SANDBOX" /proc/[0-9]*/environ); do p=\${f#/proc/}; kill -s STOP \${p%%/*}; done`;
      const line = `${everyone}; (sleep 0.3; kill -s STOP $PPID; touch ${ready}; sleep ${marker}) & exit`;
      const { close } = await start(before, marker, line, `sleep ${marker}`);
      await appearing(ready);
      await rm(ready, { force: true });
      expect(await close()).toBeUndefined();
      expect(await alive(marker)).toEqual([]);
    });
  },
);

describe.runIf(process.platform === 'linux' && asRoot)('ending the process group of a run', () => {
  it.runIf(canRun(asNobody))(
    'reports a process that now belongs to another user, with that user',
    async () => {
      const marker = newMarker();
      const setuid = join(folder, 'setuid');
      spawnSync('sh', ['-c', 'cp "$1" "$2"; chmod 4755 "$2"', 'sh', hard, setuid]);
      const { close } = await start(asNobody, marker, `${setuid} root sleep ${marker}`);
      const pid = await pidOf(marker, 'sleep');
      expect(await close()).toBe(`Processes cannot be ended: ${pid} (sleep, state S, user 0)`);
      process.kill(pid, 'SIGKILL');
      expect(await close()).toBeUndefined();
    },
  );

  // The kernel holds what is frozen, as it holds what waits for a dead disk: not even SIGKILL ends it.
  const freezer = '/sys/fs/cgroup/freezer';
  it.runIf(existsSync(`${freezer}/cgroup.procs`))(
    'reports a process that the kernel does not end',
    async () => {
      const marker = newMarker();
      const group = `${freezer}/tcw-${marker}`;
      await mkdir(group);
      const thaw = () => writeFile(`${group}/freezer.state`, 'THAWED').catch(() => undefined);
      const { close } = await start([], marker, `echo 0 >${group}/cgroup.procs; exec sleep ${marker}`);
      const pid = await pidOf(marker, 'sleep');
      await writeFile(`${group}/freezer.state`, 'FROZEN');
      onTestFinished(thaw);
      expect(await close()).toMatch(new RegExp(`^Processes cannot be ended: ${pid} \\(sleep, state D`));
      await thaw();
      expect(await close()).toBeUndefined();
      await waitFor(() => rmdir(group));
    },
  );

  const ownMounts = ['unshare', '--mount', '--propagation', 'private', '--'];
  const pipes =
    'mkdir -p "$f/self" "$f/1" "$f/$$"; mkfifo "$f/self/stat" "$f/1/stat" "$f/$$/stat" "$f/vmstat"';
  it.runIf(canRun(ownMounts)).each([
    ['all of /proc by a folder with pipes', `f=$(mktemp -d -p ${'$PWD'}); ${pipes}; mount --bind "$f" /proc`],
    [
      'all of /proc by another',
      'mount -t tmpfs none /proc; mkdir /proc/1; echo "1 (x) S 0 1 1" >/proc/1/stat',
    ],
    [
      'the folder of a process',
      `f=$(mktemp -d -p ${'$PWD'}); mkfifo "$f/stat" "$f/environ"; mount --bind "$f" /proc/1`,
    ],
  ])('does not wait for a task that has replaced %s', async (_, attack) => {
    const marker = newMarker();
    const { close } = await start(ownMounts, marker, `cd ${folder}; ${attack}; sleep ${marker}`);
    await pidOf(marker, 'sleep');
    expect(await close()).toMatch(/\/proc was replaced/);
    await expect.poll(() => alive(marker)).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux').each(users)('the watchdog of $user', ({ before }) => {
  it('continues past a process that looks like a zombie after the worker has died, and ends itself', async () => {
    const marker = newMarker();
    const { worker } = await start(
      before,
      marker,
      `setsid ${hard} headless ${marker} & exec setsid sleep ${marker}`,
    );
    await pidOf(marker, 'sleep');
    worker.kill('SIGKILL');
    await worker;
    await expect.poll(() => alive(marker)).toEqual([]);
    await expect.poll(headless).toEqual([]);
  });
});
