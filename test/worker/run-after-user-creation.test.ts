import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WorkerConfig } from '../../src/worker/index.ts';
import { canBeUsers, openFolder, someUserIds } from '../engines/user-fixtures.ts';
import { deployment, sh } from './deployment.ts';

/** A worker that prepares each new user with a shell script. */
async function preparing(script: string, config: Partial<WorkerConfig> = {}) {
  const folder = openFolder();
  // Each user has a private /tmp, which does not show the machine's.
  const program = join(openFolder('/var/lib'), 'prepare-user');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const here = await deployment();
  onTestFinished(() => here.close());
  const worker = await here.startWorker({
    engine: 'user',
    taskUserIds: someUserIds(),
    tasksDir: join(folder, 'tasks'),
    cachesDir: join(folder, 'caches'),
    downloadsDir: join(folder, 'downloads'),
    runAfterUserCreation: program,
    ...config,
  });
  return { here, worker, program };
}

describe.runIf(canBeUsers)('runAfterUserCreation', () => {
  it('runs as the new user, in its folder, before the task, with its output in the log', async () => {
    const { here, program } = await preparing(
      'echo "prepared for $USER by $(id -u) in $(pwd)"; echo "secret is ${SECRET:-hidden}"; echo setting >.settings',
    );
    const taskId = await here.createTask({
      env: { SECRET: 'shown' },
      ...sh('echo "task of $USER is $(id -u) in $(pwd)"; cat .settings; stat -c %u .settings'),
    });
    expect(await here.resolved(taskId), await here.log(taskId)).toMatchObject({ state: 'completed' });
    const log = await here.log(taskId);
    const [, user, uid = '', home] = /^prepared for (task_\S+) by (\d+) in (\S+)$/m.exec(log) ?? [];
    expect(uid).not.toBe('0');
    expect(log).toContain(`task of ${user} is ${uid} in ${home}\nsetting\n${uid}\n`);
    expect(log).toContain('secret is hidden\n');
    const places = [`Executing runAfterUserCreation: ${program}\n`, 'prepared for', 'Executing command 0'];
    const found = places.map(words => log.indexOf(words));
    expect(found).toEqual(found.toSorted((one, other) => one - other));
    expect(found[0]).toBeGreaterThan(0);
  });

  it.each([
    ['fails', 'exit 3', {}, 'exit status 3'],
    ['cannot be started', '', { runAfterUserCreation: '/nowhere/prepare-user' }, '/nowhere/prepare-user'],
  ])('gives the task back and ends the worker when it %s', async (_, script, config, why) => {
    const { here, worker } = await preparing(script, config);
    const taskId = await here.createTask(sh('echo ran'));
    expect(await worker.ended).toBe('out-of-service');
    const { runs } = await here.status(taskId);
    expect(runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
    const log = await here.log(taskId);
    expect(log).not.toContain('ran\n');
    expect(log).toContain(why);
    expect(worker.events.map(({ type }) => type)).toContain('user-script-failed');
  });

  it('ends at once when the task is cancelled, including its child processes', async () => {
    const { here, worker } = await preparing('sleep 3000 & echo waiting; sleep 3000');
    const taskId = await here.createTask(sh('echo ran'));
    await here.running(taskId);
    await here.cancelTask(taskId);
    await expect
      .poll(() =>
        worker.events.some(item => item.type === 'run' && item.state.phase === 'resolved' && item.state.stop),
      )
      .toBe(true);
    // The worker still works.
    worker.shutdown('finish');
    expect(await worker.ended).toBe('stopped');
  });

  it('is not run for a task that runs as the user of the worker', async () => {
    const { here } = await preparing('echo prepared');
    const { workerType } = await here.status(await here.createTask(sh('true')));
    const taskId = await here.createTask(
      { features: { runTaskAsCurrentUser: true }, ...sh('id -u') },
      { scopes: [`generic-worker:run-task-as-current-user:test/${workerType}`] },
    );
    expect(await here.resolved(taskId), await here.log(taskId)).toMatchObject({ state: 'completed' });
    expect(await here.log(taskId)).not.toContain('prepared');
  });

  it('causes a warning if no engine creates users', async () => {
    const { worker } = await preparing('echo prepared', {
      engine: 'script',
      scriptCommand: ['true'],
      scriptSchema: { type: 'object' },
    });
    expect(worker.events.map(({ type }) => type)).toContain('no-new-users');
  });
});
