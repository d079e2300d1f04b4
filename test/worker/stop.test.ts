import { readdir, readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { sh, type Deployment, type RunningWorker } from './deployment.ts';
import { testOf, WAYS } from './ways.ts';
import { PATIENCE_MS } from '../patience.ts';
import { runFiles } from './run-files.ts';

/** The number of processes on this machine with a mark in their command line. */
async function alive(mark: string): Promise<number> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter(line => line.includes(mark)).length;
}

/** Waits until this many processes are alive. */
async function number(mark: string, wanted: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let seen = await alive(mark); seen !== wanted; seen = await alive(mark)) {
    if (performance.now() > end) throw new Error(`${seen} processes are alive, not ${wanted}`);
    await sleep(20);
  }
}

/** Waits until the worker runs a task. The queue knows of the run before the worker has the answer to its claim. */
async function runs({ events }: RunningWorker): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!events.some(item => item.type === 'run' && item.state.phase === 'running')) {
    if (performance.now() > end) throw new Error('the worker runs nothing');
    await sleep(20);
  }
}

/** Wraps a queue so that answers with claims are delayed by this many ms. */
function claimsComeAfter(ms: number) {
  return (queue: Queue): Queue => ({
    ...queue,
    claimWork: async tasks => {
      const claims = await queue.claimWork(tasks);
      if (claims.length > 0) await sleep(ms);
      return claims;
    },
  });
}

/** A task with several processes: a child, one in its own session, and one that was forked twice. */
function family(): { payload: { command: string[][] }; mark: string } {
  const mark = `31${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;
  const script = `sleep ${mark} & setsid sleep ${mark} & (setsid sh -c "sleep ${mark} &" &) ; echo started; sleep ${mark}`;
  return { payload: sh(script), mark };
}

describe.concurrent.each(WAYS)('a run that is stopped, %s,', way => {
  const it = testOf(way);

  const startFamily = async (here: Deployment, worker: RunningWorker, definition = {}) => {
    const { payload, mark } = family();
    const taskId = await here.createTask(payload, definition);
    await number(`sleep\0${mark}`, 4);
    return { taskId, dead: () => number(mark, 0), worker };
  };

  it('by a cancellation: all processes are ended, nothing is reported, the log is uploaded', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const { taskId, dead } = await startFamily(here, worker);
    await here.cancelTask(taskId);
    await dead();
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'canceled' },
    ]);
    // A worker that polls only learns that the run is no longer its own, and uploads nothing for it.
    if (way === 'polling') {
      expect(await here.artifacts(taskId)).toEqual([]);
    } else {
      const log = await here.log(taskId);
      expect(log).toContain('started');
      expect(log.trimEnd().split('\n').at(-1)).toBe('[taskcluster:error] task canceled');
    }

    const next = await here.createTask(sh('true'));
    expect(await here.resolved(next)).toMatchObject({ state: 'completed' });
  });

  it('by its deadline, which the worker tracks with its own timer', async ({ deploy, expect }) => {
    const here = await deploy({ deadlineDelayMs: 60_000 });
    const worker = await here.startWorker();
    const deadline = new Date(Date.now() + 12_000).toJSON();
    const { taskId, dead } = await startFamily(here, worker, { deadline });
    await dead();
    expect((await here.status(taskId)).state).toBe('running');
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    expect(await here.log(taskId)).toContain('[taskcluster:error] task deadline exceeded');
  });

  it('by the loss of its claim, which the next reclaim reveals without Pulse', async ({ deploy, expect }) => {
    const here = await deploy({ claimTimeoutMs: 8_000, claimDelayMs: 60_000 });
    const worker = await here.startWorker({}, { pulse: false });
    const { taskId, dead } = await startFamily(here, worker);
    await here.cancelTask(taskId);
    await dead();
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
  });

  it('by the end of its claim, while reclaims get no answer', async ({ deploy, expect }) => {
    const here = await deploy({ claimTimeoutMs: 8_000, claimDelayMs: 60_000 });
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
    const { taskId, dead } = await startFamily(here, worker);
    await dead();
    expect((await here.status(taskId)).state).toBe('running');
  });

  it('is not one that a message about another run concerns', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const first = await here.createTask(sh('sleep 600'));
    await here.running(first);
    await here.cancelTask(first);
    const second = await here.createTask(sh('sleep 1'));
    expect(await here.resolved(second)).toMatchObject({ state: 'completed' });
  });

  it('is not one whose claim was renewed', async ({ deploy, expect }) => {
    const here = await deploy({ claimTimeoutMs: 5_000 });
    await here.startWorker();
    const taskId = await here.createTask({
      ...sh('sleep 8; echo x > x'),
      artifacts: [{ type: 'file', path: 'x' }],
    });
    const { runs } = await here.resolved(taskId);
    expect(runs).toMatchObject([{ state: 'completed' }]);
  });

  it('by a cancellation: it is killed after the grace period if it ignores SIGTERM', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker({ killGraceSecs: 1 });
    const mark = `32${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;
    const taskId = await here.createTask(sh(`trap '' TERM; while :; do sleep ${mark}; done`));
    await number(`sleep\0${mark}`, 1);
    await here.cancelTask(taskId);
    await number(mark, 0);
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
  });
});

describe.concurrent.each(WAYS)('a worker that shuts down, %s,', way => {
  const it = testOf(way);

  it('at once, reports its run as worker-shutdown, and the task runs again elsewhere', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker();
    const taskId = await here.createTask(sh('test "$RUN_ID" -ge 1 || sleep 600'));
    await runs(worker);
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

  it('after its tasks have finished, claims nothing more and finishes what runs', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    const worker = await here.startWorker({ capacity: 2 });
    const running = await here.createTask(sh('sleep 1'));
    await runs(worker);
    worker.shutdown('finish');
    const late = await here.createTask(sh('true'));
    expect(await worker.ended).toBe('stopped');
    expect(await here.status(running)).toMatchObject({ state: 'completed' });
    expect(await here.status(late)).toMatchObject({ state: 'pending' });
  });

  it('gives back the task of a claimWork that was still open', async ({ deploy, expect }) => {
    const here = await deploy({ longPollMs: 20_000, checkIntervalMs: 1_000 });
    const { promise: claiming, resolve: claims } = Promise.withResolvers<void>();
    const watch = (queue: Queue): Queue => ({
      ...queue,
      claimWork: tasks => {
        claims();
        return queue.claimWork(tasks);
      },
    });
    const worker = await here.startWorker({}, { pulse: false, watch });
    await claiming;
    worker.shutdown('finish');
    const taskId = await here.createTask(sh('true'));
    expect(await worker.ended).toBe('stopped');
    expect((await here.status(taskId)).runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
  });

  it('ends after numberOfTasksToRun', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker({ numberOfTasksToRun: 2 });
    const taskIds = await Promise.all([1, 2, 3].map(() => here.createTask(sh('true'))));
    expect(await worker.ended).toBe('tasks-complete');
    const states = await Promise.all(taskIds.map(async taskId => (await here.status(taskId)).state));
    expect(states.sort()).toEqual(['completed', 'completed', 'pending']);
  });

  it('after numberOfTasksToRun claims no more tasks than that', async ({ deploy, expect }) => {
    const here = await deploy();
    const taskIds = await Promise.all([1, 2, 3, 4].map(() => here.createTask(sh('true'))));
    const worker = await here.startWorker({ capacity: 4, numberOfTasksToRun: 2 });
    expect(await worker.ended).toBe('tasks-complete');
    const runs = await Promise.all(taskIds.map(async taskId => (await here.status(taskId)).runs));
    const states = runs.flat().map(({ state }) => state);
    expect(states.sort()).toEqual(['completed', 'completed', 'pending', 'pending']);
  });

  it('ends after idleTimeoutSecs without a task', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker({ idleTimeoutSecs: 4 });
    const taskId = await here.createTask(sh('sleep 4.5'));
    expect(await worker.ended).toBe('idle');
    expect(await here.status(taskId)).toMatchObject({ state: 'completed' });
  });

  it('ends not while a late claim is still on its way', async ({ deploy, expect }) => {
    const here = await deploy();
    const taskId = await here.createTask(sh('true'));
    const worker = await here.startWorker({ idleTimeoutSecs: 1 }, { watch: claimsComeAfter(2_000) });
    expect(await worker.ended).toBe('idle');
    expect((await here.status(taskId)).runs).toMatchObject([{ state: 'completed' }]);
  });
});
