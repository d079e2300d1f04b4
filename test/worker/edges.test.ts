import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Claim, Queue, RunCalls } from '../../src/taskcluster/index.ts';
import type { Engine, StopReason } from '../../src/worker/index.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';
import { waitFor } from '../wait-for.ts';
import { runFiles } from './run-files.ts';

const DEADLINE_MS = 1_500;

type Moment =
  'before its first process' | 'while it is prepared' | 'while it uploads' | 'in the instant it completes';
type Stop = Extract<StopReason, 'canceled' | 'deadline-exceeded' | 'worker-shutdown'>;

interface MadeCall {
  readonly taskId: string;
  readonly call: string;
}

/**
 * Wraps a queue and an engine so that something happens at one moment of the first run, and records the worker's
 * reports.
 *
 * `happened` rejects if `happen` does. The worker itself would treat this error as one of the queue's.
 */
function at(moment: Moment, happen: (claim: Claim) => Promise<void>) {
  const madeCalls: MadeCall[] = [];
  let claim: Claim | undefined;
  let hasBegun = false;
  const { promise: happened, resolve, reject } = Promise.withResolvers<void>();
  const now = async (here: Moment) => {
    if (here !== moment || hasBegun || !claim) return;
    hasBegun = true;
    await happen(claim).then(resolve, reject);
  };
  const watch = (queue: Queue): Queue => ({
    ...queue,
    claimWork: async tasks => {
      const claims = await queue.claimWork(tasks);
      claim ??= claims[0];
      if (claims.length > 0) await now('before its first process');
      return claims;
    },
    forRun: ofRun => {
      const calls = queue.forRun(ofRun);
      const tell = async (call: string, made: () => Promise<void>) => {
        await now('in the instant it completes');
        madeCalls.push({ taskId: ofRun.taskId, call });
        await made();
      };
      const watched: RunCalls = {
        get credentials() {
          return calls.credentials;
        },
        reclaim: () => calls.reclaim(),
        reportCompleted: () => tell('completed', () => calls.reportCompleted()),
        reportFailed: () => tell('failed', () => calls.reportFailed()),
        reportException: reason => tell(reason, () => calls.reportException(reason)),
        createArtifact: async (name, request, signal) => {
          await now('while it uploads');
          signal?.throwIfAborted();
          const answer = await calls.createArtifact(name, request, signal);
          madeCalls.push({ taskId: ofRun.taskId, call: `artifact ${name}` });
          return answer;
        },
        finishArtifact: (...words) => calls.finishArtifact(...words),
        service: signal => calls.service(signal),
        serviceAs: (...words) => calls.serviceAs(...words),
      };
      return watched;
    },
  });
  const wrap = (engine: Engine): Engine => ({
    ...engine,
    open: async options => {
      const sandbox = await engine.open(options);
      await now('while it is prepared');
      return sandbox;
    },
  });
  return { madeCalls, watch, wrap, happened };
}

/** Waits until the worker has stopped the run for this reason. */
async function stoppedFor(worker: RunningWorker, taskId: string, reason: StopReason): Promise<void> {
  const stops = () =>
    worker.events.flatMap(item =>
      item.type === 'run' && item.claim.taskId === taskId ? (item.state.stop ?? []) : [],
    );
  await waitFor(() => {
    expect(stops()).toContain(reason);
  });
}

/** Waits until the first run of the task has left a state. */
async function hasLeft(here: Deployment, taskId: string, state: string): Promise<void> {
  await waitFor(async () => {
    expect((await here.status(taskId)).runs[0]?.state).not.toBe(state);
  });
}

async function bringAbout(
  stop: Stop,
  here: Deployment,
  worker: RunningWorker,
  { taskId, deadlineMs }: Claim,
) {
  if (stop === 'canceled') await here.cancelTask(taskId);
  if (stop === 'deadline-exceeded') await sleep(deadlineMs - Date.now() + 20);
  if (stop === 'worker-shutdown') worker.shutdown('now');
}

const MOMENTS: Moment[] = [
  'before its first process',
  'while it is prepared',
  'while it uploads',
  'in the instant it completes',
];
const STOPS: Stop[] = ['canceled', 'deadline-exceeded', 'worker-shutdown'];
const EDGES = MOMENTS.flatMap(moment => STOPS.map(stop => ({ moment, stop })));

describe.each(EDGES)('a run that is stopped by $stop $moment', ({ moment, stop }) => {
  it('leaves no files, is reported once, and frees its slot', async () => {
    const here = await deployment({ deadlineDelayMs: 100, longPollMs: 300 });
    onTestFinished(() => here.close());
    const { madeCalls, watch, wrap, happened } = at(moment, async claim => {
      await bringAbout(stop, here, worker, claim);
      // A report that was sent cannot be stopped, and a worker that shuts down completes its uploads.
      if (moment === 'while it is prepared' || (moment === 'while it uploads' && stop !== 'worker-shutdown'))
        await stoppedFor(worker, claim.taskId, stop);
    });
    const worker = await here.startWorker({}, { watch, wrap });
    const deadline =
      stop === 'deadline-exceeded' ? { deadline: new Date(Date.now() + DEADLINE_MS).toJSON() } : {};
    const taskId = await here.createTask(
      { ...sh('echo x > x'), artifacts: [{ type: 'file', path: 'x' }] },
      deadline,
    );
    const ended = () =>
      worker.events.some(
        item => item.type === 'run' && item.claim.taskId === taskId && item.state.phase === 'resolved',
      );
    const givenBack = () => worker.events.some(({ type }) => type === 'giving-back');
    await expect.poll(() => ended() || givenBack()).toBe(true);
    await happened;
    expect(await runFiles(worker.tasksDir)).toEqual([]);

    const reports = madeCalls.filter(({ call }) => !call.startsWith('artifact')).map(({ call }) => call);
    const late = moment === 'in the instant it completes';
    if (stop === 'worker-shutdown') {
      // If the commands have ended, the outcome does not change.
      const reason = late || moment === 'while it uploads' ? 'completed' : 'worker-shutdown';
      expect(reports).toEqual([reason]);
      expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: reason });
      expect(await worker.ended).toBe('shutdown');
      return;
    }
    expect(reports).toEqual(late ? ['completed'] : []);
    // The queue accepts the report of a run until it has noticed the deadline.
    const reason = late && stop === 'deadline-exceeded' ? 'completed' : stop;
    await expect
      .poll(async () => (await here.status(taskId)).runs)
      .toMatchObject([{ reasonResolved: reason }]);
    expect(madeCalls).not.toContainEqual({ taskId, call: late ? 'failed' : 'artifact x' });
    expect(await here.resolved(await here.createTask(sh('true')))).toMatchObject({ state: 'completed' });
  });
});

describe('a run whose worker runs out of time while the run uploads', () => {
  it('is given back at once, and its log is uploaded afterwards', async () => {
    const here = await deployment();
    onTestFinished(() => here.close());
    const { madeCalls, watch, wrap, happened } = at('while it uploads', async ({ taskId }) => {
      worker.shutdown('now');
      // The upload hangs until the run is resolved in the queue.
      await hasLeft(here, taskId, 'running');
    });
    const worker = await here.startWorker({ shutdownGraceSecs: 2 }, { watch, wrap });
    const taskId = await here.createTask({ ...sh('echo x > x'), artifacts: [{ type: 'file', path: 'x' }] });
    expect(await worker.ended).toBe('shutdown');
    await happened;
    expect(madeCalls.map(({ call }) => call)).toEqual([
      'worker-shutdown',
      'artifact public/logs/live_backing.log',
      'artifact public/logs/live.log',
    ]);
    expect(await here.log(taskId)).toContain('graceful termination requested');
  });
});

describe('a run that was stopped for another reason, whose worker shuts down while the run uploads', () => {
  it('is reported within half of the time to shut down', async () => {
    const here = await deployment();
    onTestFinished(() => here.close());
    const { madeCalls, watch, wrap, happened } = at('while it uploads', async ({ taskId }) => {
      worker.shutdown('now');
      await hasLeft(here, taskId, 'running');
    });
    const worker = await here.startWorker({ shutdownGraceSecs: 2 }, { watch, wrap });
    const taskId = await here.createTask({
      ...sh('echo x > x; exec sleep 600'),
      maxRunTime: 1,
      artifacts: [{ type: 'file', path: 'x' }],
    });
    expect(await worker.ended).toBe('shutdown');
    await happened;
    expect(madeCalls.map(({ call }) => call)[0]).toBe('failed');
    expect(await here.status(taskId)).toMatchObject({ state: 'failed' });
  });
});

describe('repeated and late messages', () => {
  let here: Deployment;
  const start = async (capacity: number) => {
    here = await deployment({ longPollMs: 300 });
    onTestFinished(() => here.close());
    return here.startWorker({ capacity });
  };

  it('about an old run, or about our own reports, do not affect the new run of the same task', async () => {
    const worker = await start(1);
    const taskId = await here.createTask({
      ...sh('test "$RUN_ID" -ge 1 || exit 42; while ! test -e go; do sleep 0.05; done'),
      onExitStatus: { retry: [42] },
    });
    await here.running(taskId, 1);
    await here.repeat('task-exception', taskId);
    await here.repeat('task-pending', taskId);
    await sleep(300);
    await here.repeat('task-exception', taskId);
    await writeFile(`${worker.tasksDir}/task_${taskId}_1/go`, '');
    const { runs } = await here.resolved(taskId);
    expect(runs).toMatchObject([{ reasonResolved: 'intermittent-task' }, { state: 'completed' }]);
  });

  it.each<[string, string, (taskId: string) => Promise<unknown>]>([
    ['that runs here', 'sleep 1', taskId => here.running(taskId)],
    ['that is over', 'true', taskId => here.resolved(taskId)],
    [
      'that was cancelled',
      'sleep 600',
      async taskId => {
        await here.running(taskId);
        await here.cancelTask(taskId);
      },
    ],
  ])('that announce a task %s start no run, and the slot becomes free again', async (_, script, reach) => {
    const worker = await start(2);
    const taskId = await here.createTask(sh(script));
    await reach(taskId);
    for (let time = 0; time < 3; time++) await here.repeat('task-pending', taskId);
    const next = await Promise.all([1, 2].map(() => here.createTask(sh('true'))));
    for (const each of next) expect(await here.resolved(each)).toMatchObject({ state: 'completed' });
    expect((await here.resolved(taskId)).runs).toHaveLength(1);
    const begun = worker.events.filter(
      item =>
        item.type === 'run' &&
        item.claim.taskId === taskId &&
        item.state.phase === 'claimed' &&
        !item.state.stop,
    );
    expect(begun).toHaveLength(1);
  });
});
