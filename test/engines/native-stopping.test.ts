import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  alive,
  appearing,
  engines,
  insideOnly,
  Log,
  newMarker,
  openSandbox,
  PATH,
  sleeping,
} from './native-fixtures.ts';
import { waitFor } from '../wait-for.ts';
import { runFolderAt } from '../run-folder-at.ts';

/** Ways in which processes leave their parent, each with the number of processes that finally sleep. */
const escapes = [
  ['a command', (marker: string) => `exec sleep ${marker}`, 1],
  ['a child', (marker: string) => `sleep ${marker} & wait`, 1],
  ['a child that called setsid', (marker: string) => `setsid sleep ${marker} & wait`, 1],
  ['one that nohup started', (marker: string) => `nohup sleep ${marker} >/dev/null & wait`, 1],
  [
    'one that was double-forked',
    (marker: string) => `(setsid sh -c 'sleep ${marker} & exit' &); sleep ${marker}`,
    2,
  ],
  ['one whose command has ended', (marker: string) => `setsid sh -c 'sleep ${marker} &'`, 1],
  ['one of another process group', (marker: string) => `set -m; sleep ${marker} & sleep ${marker} & wait`, 2],
  [
    'a chain of forks',
    (marker: string) =>
      `link() { [ "$1" -eq 0 ] || { link $(($1 - 1)) & }; sleep ${marker}; }; link 12 & sleep ${marker}`,
    14,
  ],
  [
    'those that ignore SIGTERM',
    (marker: string) => `trap "" TERM; (setsid sh -c 'sleep ${marker} &' &); sleep ${marker}`,
    2,
  ],
  ['one with another environment', (marker: string) => `env -i setsid sleep ${marker} & wait`, 1],
  [
    'one known by its company alone',
    (marker: string) => `setsid sh -c 'env -i sleep ${marker} & sleep ${marker} &'`,
    2,
  ],
  [
    'one known by its parent alone, which ends first',
    (marker: string) => `env -i setsid sh -c 'trap "" TERM; sleep ${marker}; :' & wait`,
    1,
  ],
  ['one that is stopped', (marker: string) => `sleep ${marker} & sleep 0.1; kill -s STOP $!; wait`, 1],
] as const;

describe.each(engines)('no process is left of a sandbox ($containment)', engine => {
  it.each(escapes)('that held %s when it is stopped', async (_who, line, count) => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(line(marker));
    await sleeping(marker, count);
    await sandbox.stop(200);
    expect(await alive(marker)).toEqual([]);
    await run;
  });

  it.each(escapes)('that held %s when it is closed', async (_who, line, count) => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(line(marker));
    await sleeping(marker, count);
    await sandbox.close();
    expect(await alive(marker)).toEqual([]);
    await run;
  });

  it('in which processes fork while they are killed', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(
      `trap "" TERM; hop() { sh -c ': ${marker}; sleep 0.01'; hop & }; hop & hop & sleep ${marker}`,
    );
    await sleeping(marker, 1);
    await sandbox.stop(50);
    expect(await alive(marker)).toEqual([]);
    await run;
  });

  it('that is stopped while a command starts', async () => {
    for (let delay = 0; delay < 12; delay++) {
      const { sandbox, shell } = await openSandbox(engine);
      const marker = newMarker();
      const run = shell(`sleep ${marker} & wait`);
      await sleep(delay);
      await sandbox.stop(20_000);
      expect(await alive(marker)).toEqual([]);
      expect([137, 143]).toContain((await run).exitCode);
    }
  });

  it('even if its output is not read', async () => {
    const { sandbox } = await openSandbox(engine);
    const marker = newMarker();
    const stuck = new Writable({ write: () => undefined });
    const argv = ['sh', '-c', `sleep ${marker} & yes`];
    const run = sandbox.run({ argv, env: { PATH }, output: stuck });
    await sleeping(marker, 1);
    await sandbox.stop(1000);
    expect(await alive(marker)).toEqual([]);
    await sandbox.close();
    expect(await run).toMatchObject({ exitCode: 143 });
  });

  it.runIf(process.platform === 'linux')('nor any open file of the worker', async () => {
    const open = () => readdir('/proc/self/fd');
    const cycle = async () => {
      const sandbox = await engine.open({ home: runFolderAt('/') });
      await sandbox.run({ argv: ['true'], env: { PATH }, output: new Log() });
      await sandbox.close();
    };
    await cycle();
    const before = (await open()).length;
    for (let i = 0; i < 5; i++) await cycle();
    await waitFor(async () => {
      expect((await open()).length).toBeLessThanOrEqual(before);
    });
  });
});

describe.each(engines)('stopping ($containment)', engine => {
  it('lets a command end by SIGTERM', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`exec sleep ${marker}`);
    await sleeping(marker, 1);
    await sandbox.stop(60_000);
    expect(await run).toMatchObject({ exitCode: 143 });
  });

  it('gives a command time to end', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`trap 'sleep 0.3; echo bye; exit 4' TERM; sleep ${marker} & wait`);
    await sleeping(marker, 1);
    await sandbox.stop(60_000);
    const { exitCode, log } = await run;
    expect([exitCode, log.text]).toEqual([4, 'bye\n']);
  });

  it('gives a background process that time as well', async () => {
    const { sandbox, shell, folder } = await openSandbox(engine);
    const marker = newMarker();
    const graceful = `trap "sleep 0.3; touch cleaned; exit" TERM; sleep ${marker} & wait`;
    await shell(`setsid sh -c '${graceful}' >/dev/null &`);
    await sleeping(marker, 1);
    await sandbox.stop(60_000);
    expect(existsSync(path.join(folder, 'cleaned'))).toBe(true);
  });

  it('signals only once', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`trap 'echo asked; sleep 0.3' TERM; sleep ${marker} & wait; sleep 0.3`);
    await sleeping(marker, 1);
    await sandbox.stop(60_000);
    expect((await run).log.text).toBe('asked\n');
  });

  it('resumes suspended processes, so that they can end', async () => {
    const { sandbox, shell, folder } = await openSandbox(engine);
    const child = `sleep ${newMarker()} & sleep 0.1; kill -s STOP $!; trap : TERM; touch stopped`;
    const run = shell(`${child}; wait; wait $!; echo "status $?"`);
    await appearing(path.join(folder, 'stopped'));
    await sandbox.stop(60_000);
    expect((await run).log.text).toContain('status 143\n');
  });

  it('kills after the grace period, and not before', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`trap 'echo asked' TERM; sleep ${marker} & while :; do wait; done`);
    await sleeping(marker, 1);
    const start = performance.now();
    await sandbox.stop(500);
    expect(performance.now() - start).toBeGreaterThanOrEqual(499);
    const { exitCode, log } = await run;
    expect([exitCode, log.text]).toEqual([137, 'asked\n']);
  });

  it('does not signal without a grace period', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`trap 'echo asked; exit 1' TERM; sleep ${marker} & wait`);
    await sleeping(marker, 1);
    await sandbox.stop(0);
    const { exitCode, log } = await run;
    expect([exitCode, log.text]).toEqual([137, '']);
  });

  it('is cut short by closing', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const marker = newMarker();
    const run = shell(`trap '' TERM; sleep ${marker} & wait`);
    await sleeping(marker, 1);
    const stopped = sandbox.stop(600_000);
    await sleep(50);
    await sandbox.close();
    await stopped;
    expect(await alive(marker)).toEqual([]);
    expect(await run).toMatchObject({ exitCode: 137 });
  });

  it('may be repeated, and so may closing', async () => {
    const { sandbox } = await openSandbox(engine);
    await Promise.all([sandbox.stop(1000), sandbox.stop(0), sandbox.close(), sandbox.close()]);
    await sandbox.stop(1000);
    await sandbox.close();
  });

  it('prevents further commands', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    await sandbox.stop(1000);
    await expect(shell('true')).rejects.toThrow('The sandbox has been stopped');
  });

  it('does not affect other sandboxes', async () => {
    const [one, other] = [await openSandbox(engine), await openSandbox(engine)];
    const [marker, otherMarker] = [newMarker(), newMarker()];
    const run = one.shell(`sleep ${marker} & setsid sleep ${marker} & wait`);
    const otherRun = other.shell(`sleep ${otherMarker} & (setsid sleep ${otherMarker} &); wait; exit 6`);
    await sleeping(marker, 2);
    await sleeping(otherMarker, 2);
    await one.sandbox.stop(60_000);
    await run;
    await sleeping(otherMarker, 2);
    await other.sandbox.stop(60_000);
    expect(await otherRun).not.toMatchObject({ exitCode: 137 });
    expect(await alive(otherMarker)).toEqual([]);
  });
});

describe.each(engines.filter(({ containment }) => containment === 'pid-namespace'))(
  'a PID namespace',
  engine => {
    it('contains processes that left their session, their parent and their environment', async () => {
      const { sandbox, shell } = await openSandbox(engine);
      const marker = newMarker();
      await shell(
        `env -i PATH="$PATH" setsid sh -c 'env -i PATH="$PATH" setsid sh -c "sleep ${marker} &" &'`,
      );
      await sleeping(marker, 1);
      await sandbox.stop(60_000);
      expect(await alive(marker)).toEqual([]);
    });

    it('shows a task only its own processes', async () => {
      const { shell } = await openSandbox(engine);
      const { log } = await shell(
        `ls -d /proc/[0-9]* | wc -l; [ -e /proc/${process.pid}/stat ] && echo seen`,
      );
      expect(Number.parseInt(log.text)).toBeLessThan(10);
      expect(log.text).not.toContain('seen');
    });

    it('has a first process that no member can kill', async () => {
      const { shell } = await openSandbox(engine);
      const signals = 'HUP INT QUIT TERM USR1 USR2 PIPE ALRM CHLD STOP KILL';
      const { exitCode } = await shell(
        `${await insideOnly()} for s in ${signals}; do kill -s $s 1; done; sleep 0.1; exit 5`,
      );
      expect(exitCode).toBe(5);
      expect(await shell('exit 8')).toMatchObject({ exitCode: 8 });
    });

    it('limits a task that kills all processes to its own', async () => {
      const [one, other] = [await openSandbox(engine), await openSandbox(engine)];
      const [marker, otherMarker] = [newMarker(), newMarker()];
      await other.shell(`sleep ${otherMarker} >/dev/null &`);
      await one.shell(`sleep ${marker} >/dev/null & setsid sleep ${marker} >/dev/null &`);
      await sleeping(marker, 2);
      expect(await one.shell(`${await insideOnly()} kill -s KILL -- -1; exit 5`)).toMatchObject({
        exitCode: 5,
      });
      await sleeping(marker, 0);
      await sleeping(otherMarker, 1);
      // The command also killed the helper that sends SIGTERM to the members. The helper has been replaced.
      const run = one.shell(`trap 'exit 4' TERM; sleep ${marker} & wait`);
      await sleeping(marker, 1);
      await one.sandbox.stop(60_000);
      expect(await run).toMatchObject({ exitCode: 4 });
    });

    it('ends even if a task has suspended all of its processes', async () => {
      const { sandbox, shell } = await openSandbox(engine);
      const marker = newMarker();
      const run = shell(
        `${await insideOnly()} sleep ${marker} & sleep 0.1; kill -s STOP -- -1; sleep ${marker}`,
      );
      await sleeping(marker, 2);
      await sandbox.stop(100);
      expect(await alive(marker)).toEqual([]);
      expect(await run).toMatchObject({ exitCode: 137 });
    });

    it('reaps orphans', async () => {
      const { shell } = await openSandbox(engine);
      const { log } = await shell(
        'i=0; while [ $i -lt 20 ]; do (sleep 0.1 &); i=$((i+1)); done; sleep 0.6; cat /proc/[0-9]*/stat | grep -c " Z "',
      );
      expect(log.text).toBe('0\n');
    });
  },
);
