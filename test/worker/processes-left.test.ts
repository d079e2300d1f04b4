import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, WorkerConfig, WorkerEvent } from '../../src/worker/index.ts';
import { deployment, sh } from './deployment.ts';

const LEFT = 'Processes cannot be ended: 4711 (D, cat)';
const ARTIFACT = {
  ...sh('echo content > file'),
  artifacts: [{ type: 'file', path: 'file', name: 'public/file' }],
};

/** A worker with first runs whose processes cannot be ended, as if they waited for an unreachable file system. */
async function workerWithStuckRuns(stuck: number, config: Partial<WorkerConfig> = {}) {
  const here = await deployment();
  onTestFinished(() => here.close());
  let opened = 0;
  const wrap = (engine: Engine): Engine => ({
    ...engine,
    open: async options => {
      const sandbox = await engine.open(options);
      const isStuck = opened++ < stuck;
      const refuse = async (work: () => Promise<void>) => {
        await work();
        if (isStuck) throw new Error(LEFT);
      };
      return {
        run: command => sandbox.run(command),
        files: sandbox.files,
        stop: graceMs => refuse(() => sandbox.stop(graceMs)),
        close: () => refuse(() => sandbox.close()),
      };
    },
  });
  const worker = await here.startWorker(config, { wrap });
  return { here, worker };
}

const PROCESSES_LEFT = expect.objectContaining({
  type: 'processes-left',
  reason: expect.stringContaining('4711 (D, cat)') as string,
}) as WorkerEvent;

describe('a run with processes left that cannot be ended', () => {
  it('keeps the result of its commands, its artifacts and its log, with a warning', async () => {
    const { here, worker } = await workerWithStuckRuns(1, { capacity: 2 });
    const taskId = await here.createTask(ARTIFACT);
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect((await here.artifact(taskId, 'public/file')).toString()).toBe('content\n');
    expect(await here.log(taskId)).toMatch(/^\[taskcluster:warn .*4711 \(D, cat\)$/m);
    await expect.poll(() => worker.events).toContainEqual(PROCESSES_LEFT);
  });

  it('uploads its log even if it has no artifacts', async () => {
    const { here } = await workerWithStuckRuns(1, { capacity: 2 });
    const taskId = await here.createTask(sh('exit 3'));
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect(await here.log(taskId)).toMatch(/^\[taskcluster:warn .*4711 \(D, cat\)$/m);
    expect(await here.log(taskId)).toContain('[taskcluster:error] exit status 3');
  });

  it('that is stopped is reported and uploaded like any other', async () => {
    const { here } = await workerWithStuckRuns(1, { capacity: 2 });
    const taskId = await here.createTask({
      ...ARTIFACT,
      ...sh('echo content > file; sleep 600'),
      maxRunTime: 1,
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect((await here.artifact(taskId, 'public/file')).toString()).toBe('content\n');
    expect(await here.log(taskId)).toContain('[taskcluster:error] task aborted - max run time exceeded');
  });
});

describe('a worker with processes that it cannot end', () => {
  it('does not use their slot again, and continues with the others', async () => {
    const { here, worker } = await workerWithStuckRuns(1, { capacity: 2 });
    await here.resolved(await here.createTask(sh('true')));
    await expect.poll(() => worker.events).toContainEqual(PROCESSES_LEFT);
    const [one, two] = [await here.createTask(sh('sleep 600')), await here.createTask(sh('true'))];
    await here.running(one);
    // The task has to wait until the only other slot is free.
    expect((await here.status(two)).state).toBe('pending');
    await here.cancelTask(one);
    expect(await here.resolved(two)).toMatchObject({ state: 'completed' });
  });

  it('ends with its own reason when all of its slots are out of service', async () => {
    const { here, worker } = await workerWithStuckRuns(2, { capacity: 2 });
    await Promise.all([1, 2].map(async () => here.resolved(await here.createTask(sh('true')))));
    expect(await worker.ended).toBe('out-of-service');
  });

  it.each(['finish', 'now'] as const)(
    'ends when it is told to (%s), even if processes are left',
    async how => {
      const { here, worker } = await workerWithStuckRuns(1, { capacity: 2 });
      const taskId = await here.createTask(sh('sleep 0.5'));
      await here.running(taskId);
      // The queue says so before the worker has the claim, and a claim that comes after the shutdown is given back.
      await expect.poll(() => worker.events.map(({ type }) => type)).toContain('run');
      worker.shutdown(how);
      expect(await worker.ended).toBe(how === 'finish' ? 'stopped' : 'shutdown');
      expect((await here.status(taskId)).runs[0]).toMatchObject({
        reasonResolved: how === 'finish' ? 'completed' : 'worker-shutdown',
      });
    },
  );

  it('ends when it is told to while it retries to end them', async () => {
    const { here, worker } = await workerWithStuckRuns(1, { capacity: 2 });
    await here.resolved(await here.createTask(sh('true')));
    await expect.poll(() => worker.events).toContainEqual(PROCESSES_LEFT);
    worker.shutdown('finish');
    expect(await worker.ended).toBe('stopped');
  });

  it('still counts as idle', async () => {
    const { here, worker } = await workerWithStuckRuns(1, { capacity: 2, idleTimeoutSecs: 1 });
    await here.resolved(await here.createTask(sh('true')));
    expect(await worker.ended).toBe('idle');
  });
});
