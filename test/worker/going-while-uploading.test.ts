import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CommandResult, Engine, Sandbox, WorkerConfig } from '../../src/worker/index.ts';
import type { CallName } from '../harness/queue-call.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';

const ARTIFACT = {
  ...sh('echo content > file'),
  artifacts: [{ type: 'file', path: 'file', name: 'public/file' }],
};

interface Setting {
  readonly config?: Partial<WorkerConfig>;
  readonly wrap?: (engine: Engine) => Engine;
  readonly deadlineDelayMs?: number;
}

/** A worker behind a proxy that can delay its calls. */
async function setting({ config, wrap, ...options }: Setting = {}) {
  const here = await deployment(options);
  const proxy = await queueFaultProxy(here.rootUrl);
  onTestFinished(async () => {
    await here.close();
    await proxy.close();
  });
  const worker = await here.startWorker({ rootURL: proxy.rootUrl, ...config }, wrap && { wrap });
  return { here, proxy, worker };
}

/** Shuts a worker down during one of its calls, which is delayed. */
async function goDuring(call: CallName, ms: number, payload: object = ARTIFACT, options: Setting = {}) {
  const { here, proxy, worker } = await setting(options);
  const rule = proxy.fault(call, { kind: 'delay', ms }, 1);
  const taskId = await here.createTask(payload);
  await rule.first;
  worker.shutdown('now');
  expect(await worker.ended).toBe('shutdown');
  return { here, proxy, worker, taskId };
}

const reports = (calls: readonly CallName[]) => calls.filter(call => call.startsWith('report'));
const phases = (worker: RunningWorker) =>
  worker.events.flatMap(item => (item.type === 'run' ? [item.state.phase] : []));
const names = async (here: Deployment, taskId: string) =>
  (await here.artifacts(taskId)).map(({ name }) => name).sort();
const ALL = ['public/file', 'public/logs/live.log', 'public/logs/live_backing.log'];

describe('a worker that shuts down while a run uploads after its commands', () => {
  it.each<CallName>(['createArtifact', 'upload', 'reportCompleted'])(
    'finishes the run, which is completed with all artifacts and reported once (during %s)',
    async call => {
      const { here, proxy, taskId } = await goDuring(call, 1_000);
      expect((await here.status(taskId)).runs).toMatchObject([{ state: 'completed' }]);
      expect(reports(proxy.calls)).toEqual(['reportCompleted']);
      expect(await names(here, taskId)).toEqual(ALL);
      expect(await here.log(taskId)).not.toContain('graceful termination');
    },
  );

  it('finishes a run that uploads only its log', async () => {
    const { here, taskId } = await goDuring('upload', 1_000, sh('true'));
    expect((await here.status(taskId)).runs).toMatchObject([{ state: 'completed' }]);
  });

  it.each([
    ['failed', { ...ARTIFACT, ...sh('echo content > file; exit 3') }, { state: 'failed' }],
    ['was malformed', { command: 'true' }, { state: 'exception', reasonResolved: 'malformed-payload' }],
  ])('keeps the result of a run that %s', async (_, payload, run) => {
    const { here, taskId } = await goDuring('createArtifact', 1_000, payload);
    expect((await here.status(taskId)).runs).toMatchObject([run]);
  });

  it('makes one new run if the exit code asks for a retry', async () => {
    const payload = { ...sh('exit 4'), onExitStatus: { retry: [4] } };
    const { here, taskId } = await goDuring('createArtifact', 1_000, payload);
    expect((await here.status(taskId)).runs).toMatchObject([
      { reasonResolved: 'intermittent-task' },
      { state: 'pending', reasonCreated: 'task-retry' },
    ]);
  });

  it.each<CallName>(['createArtifact', 'upload'])(
    'gives the run back, once, if its uploads do not end in half of the time (during %s)',
    async call => {
      const { here, proxy, worker } = await setting({ config: { shutdownGraceSecs: 2 } });
      const rule = proxy.fault(call, { kind: 'freeze' }, 1);
      const taskId = await here.createTask(ARTIFACT);
      await rule.first;
      worker.shutdown('now');
      await expect.poll(async () => (await here.status(taskId)).runs[0]?.state).toBe('exception');
      rule.lift();
      expect(await worker.ended).toBe('shutdown');
      expect((await here.status(taskId)).runs).toMatchObject([
        { reasonResolved: 'worker-shutdown' },
        { state: 'pending', reasonCreated: 'retry' },
      ]);
      expect(reports(proxy.calls)).toEqual(['reportException']);
      expect(await here.log(taskId)).toContain('graceful termination requested');
    },
  );

  it('gives the run back if the upload of the log does not end', async () => {
    const { here, proxy, worker } = await setting({ config: { shutdownGraceSecs: 2 } });
    const rule = proxy.fault('upload', { kind: 'freeze' }, 1);
    const taskId = await here.createTask(sh('true'));
    await rule.first;
    worker.shutdown('now');
    await expect
      .poll(async () => (await here.status(taskId)).runs[0]?.reasonResolved)
      .toBe('worker-shutdown');
    rule.lift();
    expect(await worker.ended).toBe('shutdown');
    expect(reports(proxy.calls)).toEqual(['reportException']);
  });

  it('waits for the run without a limit if shutdownGraceSecs is 0', async () => {
    const { here, taskId } = await goDuring('upload', 1_500, ARTIFACT, { config: { shutdownGraceSecs: 0 } });
    expect((await here.status(taskId)).runs).toMatchObject([{ state: 'completed' }]);
  });

  it('still notices a cancellation of the run, and then reports nothing', async () => {
    const { here, proxy, worker } = await setting();
    const rule = proxy.fault('upload', { kind: 'freeze' }, 1);
    const taskId = await here.createTask(ARTIFACT);
    await rule.first;
    worker.shutdown('now');
    await here.cancelTask(taskId);
    await expect.poll(() => stopsOf(worker)).toContain('canceled');
    rule.lift();
    expect(await worker.ended).toBe('shutdown');
    expect(reports(proxy.calls)).toEqual([]);
    expect((await here.status(taskId)).runs).toMatchObject([{ reasonResolved: 'canceled' }]);
  });
});

const stopsOf = (worker: RunningWorker) =>
  worker.events.flatMap(item => (item.type === 'run' && item.state.stop ? [item.state.stop] : []));

/** Wraps an engine so that something happens when a command has ended by itself, before the worker learns of it. */
function whenEnded(happen: () => Promise<unknown>): (engine: Engine) => Engine {
  return engine => ({
    ...engine,
    open: async options => {
      const sandbox = await engine.open(options);
      const run: Sandbox['run'] = async (command): Promise<CommandResult> => {
        const result = await sandbox.run(command);
        await happen();
        return result;
      };
      const { files } = sandbox;
      return { run, files, stop: ms => sandbox.stop(ms), close: () => sandbox.close() };
    },
  });
}

describe('a worker that shuts down at the moment a command ends', () => {
  const shutDown = { now: () => undefined as unknown };
  const wrap = whenEnded(async () => {
    shutDown.now();
    await sleep(50);
  });
  const runs = async (payload: object) => {
    const { here, worker } = await setting({ wrap });
    shutDown.now = () => {
      worker.shutdown('now');
    };
    const taskId = await here.createTask(payload);
    expect(await worker.ended).toBe('shutdown');
    return { runs: (await here.status(taskId)).runs, worker };
  };

  it('reports the result of the last command', async () => {
    const { runs: all, worker } = await runs(ARTIFACT);
    expect(all).toMatchObject([{ state: 'completed' }]);
    expect(phases(worker)).toContain('uploading');
  });

  it('reports a failed command, after which no other is run', async () => {
    const { runs: all } = await runs({ command: [['false'], ['true']] });
    expect(all).toMatchObject([{ state: 'failed' }]);
  });

  it('gives the run back if it has another command', async () => {
    const { runs: all } = await runs({ command: [['true'], ['true']] });
    expect(all[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
  });
});

describe('maxRunTime', () => {
  it('no longer applies after the last command has ended, however long the rest takes', async () => {
    const { here } = await setting({ wrap: whenEnded(() => sleep(1_200)) });
    const taskId = await here.createTask({ ...ARTIFACT, maxRunTime: 1 });
    expect((await here.resolved(taskId)).runs).toMatchObject([{ state: 'completed' }]);
  });
});
