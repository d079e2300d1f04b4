import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { alive, engines, newMarker, openSandbox, sleeping } from '../engines/native-fixtures.ts';
import { startWorker } from '../engines/native-worker.ts';
import { namespaced, newTracer, olderMachine, workers } from './hostile.ts';

/** Processes that do not end on SIGTERM, in the run's namespace and in one of their own. */
const stubborn = (marker: string) =>
  `trap "" TERM; sleep ${marker} & (setsid sh -c 'unshare --user --pid --fork sleep ${marker} & exit' &)`;

describe.each(namespaced)('a task of $user in a PID namespace', ({ containment, prefix }) => {
  it('cannot trace its first process, or reach its open descriptors', async () => {
    const tracer = await newTracer();
    const others = `pids=; for p in $(cd /proc && echo [0-9]*); do [ $p -eq $$ ] || pids="$pids $p"; done`;
    const line = `sleep 0.1; ${others}; ${tracer} try $pids; ${tracer} nested try $pids; echo $pids | grep -o '^1 '`;
    const { finish } = await startWorker(prefix, line, { containment, toItsEnd: true });
    expect(await finish()).toEqual({ exitCode: 0, output: '1 \n' });
  });

  it('can trace its own processes', async () => {
    const { finish } = await startWorker(prefix, `${await newTracer()} child`, {
      containment,
      toItsEnd: true,
    });
    expect(await finish()).toEqual({ exitCode: 0, output: 'traced\n' });
  });

  it('cannot hold its first process in its exit', async () => {
    const marker = newMarker();
    const line = `${stubborn(marker)}; ${await newTracer()} hold 1`;
    const { finish } = await startWorker(prefix, line, { containment, graceMs: 300 });
    await sleeping(marker, 2);
    const { exitCode, output, failure } = await finish();
    expect([exitCode, output, failure]).toEqual([137, 'not held: Operation not permitted\n', undefined]);
    expect(await alive(marker)).toEqual([]);
  });

  it('that holds its first process on an older machine can still be stopped', async () => {
    const marker = newMarker();
    const line = `${stubborn(marker)}; exec ${await newTracer()} hold 1 ${marker}`;
    const searchPath = await olderMachine();
    const { finish } = await startWorker(prefix, line, { containment, graceMs: 300, searchPath });
    await sleeping(marker, 2);
    expect(await finish()).toEqual({ exitCode: 137, output: 'held\n' });
    expect(await alive(marker)).toEqual([]);
  });

  it('that holds its first process on an older machine ends with its worker', async () => {
    const marker = newMarker();
    const line = `${stubborn(marker)}; exec ${await newTracer()} hold 1 ${marker}`;
    const worker = await startWorker(prefix, line, { containment, searchPath: await olderMachine() });
    await sleeping(marker, 2);
    await expect.poll(async () => (await alive(marker)).join()).toContain('tracer hold');
    worker.kill();
    await expect.poll(() => alive(marker)).toEqual([]);
  });
});

describe.each(workers.filter(({ containment }) => containment === 'process-group'))(
  'a task of $user in process groups',
  ({ containment, prefix }) => {
    it('that suspends the shell which starts its commands can still be stopped', async () => {
      const marker = newMarker();
      const line = `sleep ${marker} & shell=$PPID; (sleep 0.3; kill -s STOP $shell) & exit 4`;
      const settings = { containment, toItsEnd: true, more: 100_000, graceMs: 500 };
      const { finish } = await startWorker(prefix, line, settings);
      expect(await finish()).toMatchObject({ exitCode: 4 });
      expect(await alive(marker)).toEqual([]);
    });
  },
);

/** A group whose processes the kernel can hold so that not even SIGKILL ends them, as it holds those of a dead disk. */
const freezer = '/sys/fs/cgroup/freezer';
const canFreeze = existsSync(`${freezer}/cgroup.procs`) && process.getuid?.() === 0;

describe.runIf(canFreeze).each(engines.filter(({ containment }) => containment === 'pid-namespace'))(
  'a process that cannot be ended ($containment)',
  engine => {
    it('is reported after a time, and ended by a later attempt once that is possible', async () => {
      const marker = newMarker();
      const group = `${freezer}/tcw-${marker}`;
      await mkdir(group);
      const thaw = () => writeFile(`${group}/freezer.state`, 'THAWED').catch(() => undefined);
      onTestFinished(thaw);
      const { sandbox, shell } = await openSandbox(engine);
      const run = shell(`echo 0 >${group}/cgroup.procs; exec sleep ${marker}`);
      await sleeping(marker, 1);
      const [pid = ''] = (await alive(marker))[0]?.split(' ') ?? [];
      await writeFile(`${group}/freezer.state`, 'FROZEN');

      await expect(sandbox.stop(300)).rejects.toThrow(`${pid} (sleep, state `);
      expect(await run).toMatchObject({ exitCode: 137 });
      await expect(sandbox.close()).rejects.toThrow(`${pid} (sleep, state `);
      await thaw();
      await sandbox.close();
      expect(await alive(marker)).toEqual([]);
      await rmdir(group);
    });
  },
);
