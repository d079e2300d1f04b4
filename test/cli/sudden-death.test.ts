import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { engines } from '../engines/native-fixtures.ts';
import { newMark, processesWith, queueForWorkers } from './workers.ts';

/** Looks like a run's, but no worker has written it down. */
const NOT_OURS = 'task_AAAAAAAAAAAAAAAAAAAAAA_0';

describe.each(engines)('a worker that is killed ($containment)', ({ containment }) => {
  let here: Awaited<ReturnType<typeof queueForWorkers>>;
  afterEach(() => here.close());

  const start = (...flags: string[]) => here.start(`--containment=${containment}`, ...flags);
  const recordsFolders = async () => {
    const [ledger = ''] = (await readdir(here.tasksDir)).filter(name => name.startsWith('.tcw-'));
    const names = await readdir(`${here.tasksDir}/${ledger}`);
    return names.filter(name => !name.endsWith('.alive')).map(name => `${here.tasksDir}/${ledger}/${name}`);
  };

  /** Kills the worker with everything beside it that would end its processes. */
  async function killWithKeepers(worker: ReturnType<typeof start>, taskId: string): Promise<void> {
    const record = `task_${taskId}_0`;
    const [folder = ''] = (
      await Promise.all(
        (await recordsFolders()).map(async each => ((await readdir(each)).includes(record) ? each : [])),
      )
    ).flat();
    const [, trace = ''] = /^folder \d+\n(\S+)\n$/.exec(await readFile(`${folder}/${record}`, 'utf8')) ?? [];
    expect(trace).toMatch(/-[0-9a-f]{32}$/);
    // A watchdog is one process; the keepers of a namespace cannot be killed without the namespace.
    if (containment === 'process-group') {
      const keepers = await processesWith(`TCW_KEEPER=${trace}`, 'environ');
      expect(keepers).toHaveLength(1);
      for (const pid of keepers) process.kill(pid, 'SIGKILL');
    }
    await worker.kill();
  }

  it('is cleaned up by the next one, and its run is retried elsewhere', async () => {
    here = await queueForWorkers({ claimTimeoutMs: 8_000 });
    const mark = newMark();
    const worker = start();
    const taskId = await here.create(
      `test $RUN_ID -ge 1 && exit; mkdir -p a/b; touch a/b/c; chmod 0 a; setsid sleep ${mark} & sleep ${mark}`,
    );
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(2);
    await mkdir(`${here.tasksDir}/${NOT_OURS}`);
    await writeFile(`${here.tasksDir}/notes.txt`, 'of somebody');
    await killWithKeepers(worker, taskId);
    if (containment === 'process-group') expect(await processesWith(`sleep\0${mark}`)).toHaveLength(2);

    const next = start();
    await next.says('removed what remained of a run after its worker died', { run: `task_${taskId}_0` });
    expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
    const left = (await readdir(here.tasksDir)).filter(name => name.includes(taskId));
    expect(left.filter(name => name.startsWith(`task_${taskId}_0`))).toEqual([]);
    expect(await readdir(here.tasksDir)).toEqual(expect.arrayContaining([NOT_OURS, 'notes.txt']));

    await here.reaches(taskId, 'completed', 1);
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'claim-expired' },
      { state: 'completed' },
    ]);
    next.child.kill('SIGTERM');
    expect(await next.exited).toBe(72);
    expect((await readdir(here.tasksDir)).sort()).toEqual(['notes.txt', NOT_OURS].sort());
  });

  it('does not affect a living worker with the same folder', async () => {
    here = await queueForWorkers();
    const marks = { killed: newMark(), living: newMark() };
    const worker = start();
    const first = await here.create(`sleep ${marks.killed}`);
    await expect.poll(() => processesWith(`sleep\0${marks.killed}`)).toHaveLength(1);
    start();
    const second = await here.create(`touch alive; while ! test -e go; do sleep 0.1; done; test -e alive`);
    await here.reaches(second, 'running');
    await killWithKeepers(worker, first);

    const third = start('--capacity=2');
    await third.says('removed what remained of a run after its worker died', { run: `task_${first}_0` });
    expect(third.lines().filter(({ msg }) => msg.startsWith('removed'))).toHaveLength(1);
    expect(await readdir(`${here.tasksDir}/task_${second}_0`)).toContain('alive');
    await writeFile(`${here.tasksDir}/task_${second}_0/go`, '');
    await here.reaches(second, 'completed');
    expect((await here.status(second)).runs).toHaveLength(1);
  });
});
