import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { newMark, processesWith, queueForWorkers } from './workers.ts';

describe('a worker that is suspended for longer than its claim', () => {
  let here: Awaited<ReturnType<typeof queueForWorkers>>;
  afterEach(() => here.close());

  it('stops its run at once when it resumes, reports nothing, and affects no run elsewhere', async () => {
    here = await queueForWorkers({ claimTimeoutMs: 4_000 });
    const mark = newMark();
    const worker = here.start();
    const taskId = await here.create(
      `if test $RUN_ID -ge 1; then while ! test -e ${here.tasksDir}/go; do sleep 0.1; done; else sleep ${mark}; fi`,
    );
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toHaveLength(1);
    worker.child.kill('SIGSTOP');
    const other = here.start();
    await here.reaches(taskId, 'running', 1);
    expect(await processesWith(`sleep\0${mark}`)).toHaveLength(1);

    worker.child.kill('SIGCONT');
    await expect.poll(() => processesWith(`sleep\0${mark}`)).toEqual([]);
    await worker.says('stopped', { taskId, runId: 0, stop: 'claim-lost' });
    await worker.says('run', { taskId, runId: 0, phase: 'resolved' });
    expect(worker.lines().filter(({ msg }) => msg === 'resolved')).toEqual([]);
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'claim-expired' },
      { state: 'running' },
    ]);

    await writeFile(`${here.tasksDir}/go`, '');
    await here.reaches(taskId, 'completed', 1);
    await other.says('resolved', { taskId, runId: 1 });
    // It works on.
    other.child.kill('SIGTERM');
    await other.exited;
    await here.reaches(await here.create('true'), 'completed');
  });
});
