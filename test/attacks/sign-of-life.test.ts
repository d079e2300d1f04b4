import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { queueForWorkers } from '../cli/workers.ts';
import { engines } from '../engines/native-fixtures.ts';

/**
 * What a task does to the ledger, as a line of shell that runs in its folder. `$ledger` is the ledger's folder, `$living`
 * the records of the worker that runs it, `$dead` the name that the records of a dead worker would have.
 */
const attacks = [
  ['removes the .alive file', 'rm "$living".alive'],
  ['removes all .alive files, again and again', '(while rm -f "$ledger"/*.alive; do sleep 0.05; done) &'],
  ['puts another pipe in its place', 'rm "$living".alive; mkfifo "$living".alive'],
  ['puts a folder in its place', 'rm "$living".alive; mkdir "$living".alive'],
  ['puts a link in its place', 'rm "$living".alive; ln -s /nowhere "$living".alive'],
  ['gives the records the name of a dead worker’s', 'mv "$living" "$dead"; rm "$living".alive'],
  ['copies the records for a dead worker', 'cp -r "$living" "$dead"; rm -r "$living"*'],
  ['removes the ledger', 'rm -r "$ledger"'],
  ['takes away the permissions', 'rm "$living".alive; chmod 0 "$living" "$ledger"'],
] as const;

describe.each(engines)(
  'a second worker leaves the run of a living worker alone ($containment)',
  ({ containment }) => {
    let here: Awaited<ReturnType<typeof queueForWorkers>>;
    afterEach(() => here.close());

    it.each(attacks)('if a task %s', async (_, attack) => {
      here = await queueForWorkers();
      here.start(`--containment=${containment}`);
      const taskId = await here.create(`
      ledger=$(ls -d "$PWD"/../.tcw-*)
      living=$(ls -d "$ledger"/*.alive); living=\${living%.alive}
      dead=$(echo "$living" | sed 's/-[0-9]*-\\([0-9a-f]*\\)$/-1-\\1/')
      ${attack}
      touch attacked
      until [ -e go ]; do sleep 0.05; done`);
      const folder = `${here.tasksDir}/task_${taskId}_0`;
      await expect.poll(() => readdir(folder)).toContain('attacked');

      const second = here.start(`--containment=${containment}`, '--idle-timeout-secs=1');
      expect(await second.exited).toBe(68);
      execFileSync('touch', [`${folder}/go`]);
      await here.reaches(taskId, 'completed');
      expect((await here.status(taskId)).runs).toHaveLength(1);
      expect(await here.artifact(taskId, 'public/logs/live_backing.log')).toContain('SUCCEEDED');
    });
  },
);
