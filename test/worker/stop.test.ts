import { readdir, readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';

/** Processes of this machine whose command line holds a mark. */
async function alive(mark: string): Promise<number> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter(line => line.includes(mark)).length;
}

/** A task of several processes: a child, one in a session of its own, one that was forked twice. */
function family(): { payload: { command: string[][] }; mark: string } {
  const mark = `31${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;
  const script = `sleep ${mark} & setsid sleep ${mark} & (setsid sh -c "sleep ${mark} &" &) ; echo started; sleep ${mark}`;
  return { payload: sh(script), mark };
}

describe('a run that is stopped', () => {
  let here: Deployment;
  afterEach(() => here.close());

  const startFamily = async (worker: RunningWorker, definition = {}) => {
    const { payload, mark } = family();
    const taskId = await here.createTask(payload, definition);
    await expect.poll(() => alive(`sleep\0${mark}`), { timeout: 10_000 }).toBe(4);
    return { taskId, dead: () => expect.poll(() => alive(mark), { timeout: 5_000 }).toBe(0), worker };
  };

  it('by a cancellation: every process dies, nothing is reported, the log is uploaded', async () => {
    here = await deployment();
    const worker = await here.startWorker();
    const { taskId, dead } = await startFamily(worker);
    await here.cancelTask(taskId);
    await dead();
    await expect.poll(() => readdir(worker.tasksDir)).toEqual([]);
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'canceled' },
    ]);
    const log = await here.log(taskId);
    expect(log).toContain('started');
    expect(log.trimEnd().split('\n').at(-1)).toBe('[taskcluster:error] task canceled');

    const next = await here.createTask(sh('true'));
    expect(await here.resolved(next)).toMatchObject({ state: 'completed' });
  });

  it('by its deadline, told by a timer and not by the queue', async () => {
    here = await deployment({ deadlineDelayMs: 60_000 });
    const worker = await here.startWorker();
    const deadline = new Date(Date.now() + 3_000).toJSON();
    const { taskId, dead } = await startFamily(worker, { deadline });
    await dead();
    expect((await here.status(taskId)).state).toBe('running');
    await expect.poll(() => readdir(worker.tasksDir)).toEqual([]);
    expect(await here.log(taskId)).toContain('[taskcluster:error] task deadline exceeded');
  });

  it('by the loss of its claim, when there is no Pulse to tell: the next reclaim says so', async () => {
    here = await deployment({ claimTimeoutMs: 4_000, claimDelayMs: 60_000 });
    const worker = await here.startWorker({}, { pulse: false });
    const { taskId, dead } = await startFamily(worker);
    await here.cancelTask(taskId);
    await dead();
    await expect.poll(() => readdir(worker.tasksDir)).toEqual([]);
  });

  it('when reclaims get no answer until the claim has expired', async () => {
    here = await deployment({ claimTimeoutMs: 2_500, claimDelayMs: 60_000 });
    const worker = await here.startWorker(
      {},
      {
        watch: queue => ({
          ...queue,
          forRun: claim => ({
            ...queue.forRun(claim),
            credentials: claim.lease.credentials,
            reclaim: () => Promise.reject(new Error('no answer')),
          }),
        }),
      },
    );
    const { taskId, dead } = await startFamily(worker);
    await dead();
    expect((await here.status(taskId)).state).toBe('running');
  });

  it('is not stopped by a message about another run', async () => {
    here = await deployment();
    await here.startWorker();
    const first = await here.createTask(sh('sleep 600'));
    await here.running(first);
    await here.cancelTask(first);
    const second = await here.createTask(sh('sleep 1'));
    expect(await here.resolved(second)).toMatchObject({ state: 'completed' });
  });

  it('outlives its first claim, by reclaims', async () => {
    here = await deployment({ claimTimeoutMs: 1_500 });
    await here.startWorker();
    const taskId = await here.createTask({
      ...sh('sleep 4; echo x > x'),
      artifacts: [{ type: 'file', path: 'x' }],
    });
    const { runs } = await here.resolved(taskId);
    expect(runs).toMatchObject([{ state: 'completed' }]);
  });

  it('dies after the grace period when it ignores SIGTERM', async () => {
    here = await deployment();
    const worker = await here.startWorker({ killGraceSecs: 1 });
    const mark = `32${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;
    const taskId = await here.createTask(sh(`trap '' TERM; while :; do sleep ${mark}; done`));
    await expect.poll(() => alive(`sleep\0${mark}`)).toBe(1);
    await here.cancelTask(taskId);
    await expect.poll(() => alive(mark), { timeout: 5_000 }).toBe(0);
    await expect.poll(() => readdir(worker.tasksDir)).toEqual([]);
  });
});

describe('a worker that has to go', () => {
  let here: Deployment;
  afterEach(() => here.close());

  it('now: stops its run, which is reported as worker-shutdown and run again elsewhere', async () => {
    here = await deployment();
    const worker = await here.startWorker();
    const taskId = await here.createTask(sh('test "$RUN_ID" -ge 1 || sleep 600'));
    await here.running(taskId);
    worker.shutdown('now');
    expect(await worker.ended).toBe('shutdown');
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
    expect(await here.log(taskId)).toContain('graceful termination requested, without time to finish tasks');
    await here.startWorker();
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });

  it('when all is finished: claims nothing more and finishes what runs', async () => {
    here = await deployment();
    const worker = await here.startWorker({ capacity: 2 });
    const running = await here.createTask(sh('sleep 1'));
    await here.running(running);
    worker.shutdown('finish');
    const late = await here.createTask(sh('true'));
    expect(await worker.ended).toBe('stopped');
    expect(await here.status(running)).toMatchObject({ state: 'completed' });
    expect(await here.status(late)).toMatchObject({ state: 'pending' });
  });

  it('gives back what an open claimWork still brings', async () => {
    here = await deployment({ longPollMs: 5_000, lookAgainMs: 1_000 });
    const worker = await here.startWorker({}, { pulse: false });
    await sleep(200);
    worker.shutdown('finish');
    const taskId = await here.createTask(sh('true'));
    expect(await worker.ended).toBe('stopped');
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
  });

  it('after as many tasks as it was told to run', async () => {
    here = await deployment();
    const worker = await here.startWorker({ numberOfTasksToRun: 2 });
    const taskIds = await Promise.all([1, 2, 3].map(() => here.createTask(sh('true'))));
    expect(await worker.ended).toBe('tasks-complete');
    const states = await Promise.all(taskIds.map(async taskId => (await here.status(taskId)).state));
    expect(states.sort()).toEqual(['completed', 'completed', 'pending']);
  });

  it('after it had nothing to do for long enough', async () => {
    here = await deployment();
    const worker = await here.startWorker({ idleTimeoutSecs: 2 });
    const taskId = await here.createTask(sh('sleep 2.5'));
    expect(await worker.ended).toBe('idle');
    expect(await here.status(taskId)).toMatchObject({ state: 'completed' });
  });
});
