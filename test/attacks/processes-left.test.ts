import { spawnSync } from 'node:child_process';
import { chmod, chown, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { newMark, processesWith, queueForWorkers } from '../cli/workers.ts';
import { findProgram } from '../engines/native-fixtures.ts';

const NOBODY = 65_534;
const setpriv = findProgram('setpriv');
const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', process.execPath];
const canBeNobody =
  process.getuid?.() === 0 &&
  setpriv !== undefined &&
  spawnSync(setpriv, [...asNobody, '-e', '']).status === 0;

// A machine on which tasks may become root is made by root alone.
it.skipIf(!canBeNobody)(
  'a task that leaves a process of root behind keeps its result and its files, and a worker with one slot ends',
  async () => {
    const here = await queueForWorkers({}, { node: setpriv ?? '', nodeOptions: asNobody });
    onTestFinished(() => here.close());
    await chown(here.tasksDir, NOBODY, NOBODY);
    const sudo = await mkdtemp(join(tmpdir(), 'tcw-sudo-'));
    onTestFinished(() => rm(sudo, { recursive: true, force: true }));
    await chmod(sudo, 0o755);
    await copyFile(setpriv ?? '', join(sudo, 'sudo'));
    await chmod(join(sudo, 'sudo'), 0o4755);

    const mark = newMark();
    const left = () => processesWith(`sleep\0${mark}`);
    onTestFinished(async () => {
      for (const pid of await left()) process.kill(pid, 'SIGKILL');
    });
    const worker = here.start('--containment=process-group');
    const taskId = await here.create(
      `${sudo}/sudo --reuid=0 --regid=0 --clear-groups -- sleep ${mark} &
       until grep -q '^Uid:[[:space:]]*0[[:space:]]*0' /proc/$!/status && grep -q sleep /proc/$!/comm; do sleep 0.01; done
       echo content > file`,
      {},
      { artifacts: [{ type: 'file', path: 'file', name: 'public/file' }] },
    );
    await here.reaches(taskId, 'completed');
    const [pid] = await left();
    expect(await here.artifact(taskId, 'public/file')).toBe('content\n');
    const log = await here.artifact(taskId, 'public/logs/live_backing.log');
    expect(log).toMatch(
      new RegExp(`^\\[taskcluster:warn .* Processes of this task are still alive: .*\\b${pid}\\b`, 'm'),
    );
    // It had one slot.
    expect(await worker.exited).toBe(69);
    const errors = worker.lines().filter(({ level }) => level === 'error');
    expect(errors.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(new RegExp(`slot is out of service: .*\\b${pid}\\b.*End them by hand`)),
      expect.stringMatching(/^worker draining: no slot is left/),
      expect.stringMatching(/^worker stopped: no slot is left/),
    ]);
  },
);
