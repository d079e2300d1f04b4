import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue, ServiceError, type Lease, type RunCalls } from '../../../src/taskcluster/index.ts';
import { cleanUp } from '../../../src/worker/run/clean-up.ts';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import { giveBack } from '../../../src/worker/asking/give-back.ts';
import type { Outcome } from '../../../src/worker/outcome.ts';
import { resolve } from '../../../src/worker/run/resolve.ts';
import type { StopReason } from '../../../src/worker/run/stop.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { activeRun, TASK_ID } from './active-run.ts';
import { memoryLog } from './memory-log.ts';
import { workerConfig } from './worker-config.ts';

const COMPLETED: Outcome = { result: 'completed' };
const NOBODY = 65_534;

/** Fakes of the calls about a run, which record which calls were made. */
function listedCalls(failure?: Error) {
  const made: string[] = [];
  const call =
    (name: string) =>
    async (...args: unknown[]) => {
      made.push([name, ...args.filter(argument => !(argument instanceof AbortSignal))].join(' '));
      if (failure) throw failure;
    };
  const calls = {
    reportCompleted: call('completed'),
    reportFailed: call('failed'),
    reportException: call('exception'),
  } as unknown as RunCalls;
  return { made, calls };
}

/** Resolves a run with the outcome of its commands. Returns the reports that were made. */
async function reportsOf(outcome: Outcome, stop?: StopReason, failure?: Error) {
  const { made, calls } = listedCalls(failure);
  const { run, events } = activeRun({
    worker: { queue: { ...activeRun().worker.queue, forRun: () => calls } },
  });
  if (stop) run.stop(stop);
  await lastValueFrom(resolve(run, outcome));
  return { made, run, events };
}

describe('a run that is resolved', () => {
  it.each<[Outcome, string]>([
    [COMPLETED, 'completed'],
    [{ result: 'failed', message: 'exit status 1' }, 'failed'],
    [{ result: 'exception', reason: 'malformed-payload', message: 'x' }, 'exception malformed-payload'],
    [{ result: 'exception', reason: 'intermittent-task', message: 'x' }, 'exception intermittent-task'],
  ])('is reported: %j', async (outcome, report) => {
    const { made, run } = await reportsOf(outcome);
    expect(made).toEqual([report]);
    expect(run.state).toEqual({ phase: 'resolving', outcome });
  });

  it.each<[StopReason, string[]]>([
    ['canceled', []],
    ['deadline-exceeded', []],
    ['claim-lost', []],
    ['max-run-time', ['failed']],
    ['worker-shutdown', ['exception worker-shutdown']],
  ])(
    'is reported according to the reason of its stop, whatever its commands did: %s',
    async (stop, reports) => {
      for (const outcome of [COMPLETED, { result: 'failed', message: 'x' } as const]) {
        expect((await reportsOf(outcome, stop)).made).toEqual(reports);
      }
    },
  );

  it('is given back if its claim was renewed just after it counted as lost', async () => {
    const { made, calls } = listedCalls();
    const renewal = Promise.withResolvers<Lease>();
    const { worker } = activeRun();
    const { run, claim } = activeRun({
      worker: { queue: { ...worker.queue, forRun: () => ({ ...calls, reclaim: () => renewal.promise }) } },
    });
    const renewed = run.renew();
    run.stop('claim-lost');
    renewal.resolve(claim.lease);
    await renewed;
    await lastValueFrom(resolve(run, COMPLETED));
    expect(made).toEqual(['exception worker-shutdown']);
  });

  it('may have ended already when it is reported, which is no error', async () => {
    const { events } = await reportsOf(COMPLETED, undefined, new ServiceError('conflict', 'over', 409));
    expect(events.lines.map(({ level }) => level)).toEqual(['info']);
  });

  it('is left to expire if it cannot be reported, and the failure is logged', async () => {
    const { events } = await reportsOf(COMPLETED, undefined, new ServiceError('unavailable', 'down', 503));
    expect(events.lines).toMatchObject([
      {
        level: 'error',
        message: 'could not report the run; its claim will expire',
        fields: { taskId: TASK_ID },
      },
    ]);
  });
});

describe('a claim that arrives while the worker shuts down', () => {
  it('is given back, so that the queue reruns it elsewhere at once', async () => {
    await using real = await startQueue();
    const taskId = await real.create();
    const { clientId, accessToken } = real.credentials.worker;
    const queue = connectQueue({
      rootUrl: real.rootUrl,
      credentials: { clientId, accessToken: new Secret(accessToken) },
      taskQueueId: TASK_QUEUE_ID,
      ...WORKER,
    });
    const [claim] = await queue.claimWork(1);
    if (!claim) throw new Error('nothing was claimed');
    await lastValueFrom(giveBack(claim, { ...activeRun().worker, queue }, 'draining'), {
      defaultValue: undefined,
    });
    const { status } = await real.root.status(taskId);
    expect(status.runs).toMatchObject([
      { state: 'exception', reasonResolved: 'worker-shutdown' },
      { state: 'pending', reasonCreated: 'retry' },
    ]);
  });

  it('is left to expire if it cannot be given back, and the failure is logged', async () => {
    const { calls } = listedCalls(new ServiceError('unreachable', 'nobody there'));
    const { worker, claim, events } = activeRun();
    const going = giveBack(claim, { ...worker, queue: { ...worker.queue, forRun: () => calls } }, 'draining');
    await lastValueFrom(going, { defaultValue: undefined });
    expect(events.lines.map(({ level }) => level)).toEqual(['info', 'error']);
  });
});

describe('cleaning up after a run', () => {
  /** A run with a folder. */
  async function uploaded(config = {}) {
    const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-clean-up-'));
    onTestFinished(() => rm(tasksDir, { recursive: true, force: true }));
    const under = activeRun({ worker: { config: workerConfig({ tasksDir, ...config }) } });
    await mkdir(join(under.run.folder, 'deep/er'), { recursive: true });
    await writeFile(join(under.run.folder, 'deep/er/file'), 'x');
    return { ...under, tasksDir };
  }
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );

  it('removes its folder', async () => {
    const { run } = await uploaded();
    await lastValueFrom(cleanUp(run));
    expect(await exists(run.folder)).toBe(false);
  });

  it('does not follow a link in place of its folder', async () => {
    const { run, tasksDir } = await uploaded();
    await rename(run.folder, join(tasksDir, 'elsewhere'));
    await symlink(join(tasksDir, 'elsewhere'), run.folder);
    await lastValueFrom(cleanUp(run));
    expect(await readdir(tasksDir)).toEqual(['elsewhere']);
    expect(await exists(join(tasksDir, 'elsewhere/deep/er/file'))).toBe(true);
  });

  it('leaves the folder if the configuration says so', async () => {
    const { run } = await uploaded({ cleanUpTaskDirs: false });
    await lastValueFrom(cleanUp(run));
    expect(await exists(join(run.folder, 'deep/er/file'))).toBe(true);
  });

  it('removes what the task has made read-only for itself', async () => {
    const { run, tasksDir, events } = await uploaded();
    const asRoot = process.geteuid?.() === 0;
    for (const folder of ['deep/er', 'deep', '']) {
      const path = join(run.folder, folder);
      if (asRoot) await chown(path, NOBODY, NOBODY);
      await chmod(path, 0o500);
    }
    // Permissions do not apply to root, so the worker must be another user.
    if (asRoot) {
      await chown(tasksDir, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
    }
    try {
      await lastValueFrom(cleanUp(run));
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
    expect(events.lines).toEqual([]);
    expect(await exists(run.folder)).toBe(false);
  });

  it('logs each failure, and does the rest', async () => {
    const { run, events } = await uploaded();
    run.sandbox = { close: () => Promise.reject(new Error('a process is left')) } as Sandbox;
    run.log = { ...memoryLog(), end: () => Promise.reject(new Error('no space left')) };
    await lastValueFrom(cleanUp(run));
    expect(events.lines.map(({ message }) => message)).toEqual([
      'processes of a run are still alive, so its slot is out of service: a process is left. End them by hand, or restart the machine',
      "could not close the task's log",
    ]);
    expect(await exists(run.folder)).toBe(false);
  });
});
