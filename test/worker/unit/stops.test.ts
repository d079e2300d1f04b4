import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ServiceError, type Claim, type TaskStatusStructure } from '../../../src/taskcluster/index.ts';
import { stops } from '../../../src/worker/run/cancel.ts';
import type { StopReason } from '../../../src/worker/run/stop.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { activeRun, TASK_ID } from './active-run.ts';

const LOOK_SPREAD_MS = 5_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function start(claim: Partial<Claim> = {}) {
  fakeTimers();
  const under = activeRun({ claim });
  const reasons: StopReason[] = [];
  const subscription = stops(under.run).subscribe(reason => reasons.push(reason));
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { ...under, reasons, subscription };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const statusOf = (state: string, reasonResolved?: string) =>
  ({ runs: [{ state, reasonResolved }] }) as TaskStatusStructure;

describe('a run is stopped', () => {
  it.each([
    ['canceled', 'canceled'],
    ['deadline-exceeded', 'deadline-exceeded'],
    ['claim-expired', 'claim-lost'],
    ['worker-shutdown', 'claim-lost'],
    [undefined, 'claim-lost'],
  ] as const)('when Pulse announces that it has ended, %s: %s', (reason, stop) => {
    const { exceptions$, reasons } = start();
    exceptions$.next({ taskId: TASK_ID, runId: 0, reason });
    expect(reasons).toEqual([stop]);
  });

  it.each([
    ['another task', { taskId: 'AAAAAAAAQ0eHkZ5uYt1mPA', runId: 0 }],
    ['another run of the task', { taskId: TASK_ID, runId: 1 }],
  ])('but not when Pulse announces the end of %s', (_, other) => {
    const { exceptions$, reasons } = start();
    exceptions$.next({ ...other, reason: 'canceled' });
    expect(reasons).toEqual([]);
  });

  it('when the worker has to shut down immediately', () => {
    const { shutdown$, reasons } = start();
    shutdown$.next(performance.now());
    expect(reasons).toEqual(['worker-shutdown']);
  });

  it('when its claim is lost', async () => {
    const { renewals, reasons } = start();
    await after(0.7 * 1_200_000);
    renewals[0]?.reject(new ServiceError('conflict', 'the run is over', 409));
    await after(0);
    expect(reasons).toEqual(['claim-lost']);
  });
});

describe('the deadline', () => {
  it('stops a run when it passes', async () => {
    const { reasons } = start({ deadlineMs: 10 * 60_000 });
    await after(10 * 60_000 - 1);
    expect(reasons).toEqual([]);
    await after(1);
    expect(reasons).toEqual(['deadline-exceeded']);
  });

  it('is converted to this machine’s clock, so the queue’s clock may differ', async () => {
    const startedMs = Date.UTC(2020, 0, 1);
    const { reasons } = start({
      startedMs,
      deadlineMs: startedMs + 60_000,
      lease: { takenUntilMs: startedMs + HOUR_MS } as Claim['lease'],
    });
    await after(59_999);
    expect(reasons).toEqual([]);
    await after(1);
    expect(reasons).toEqual(['deadline-exceeded']);
  });

  it('may be months in the future', async () => {
    const { reasons } = start({
      deadlineMs: 90 * DAY_MS,
      lease: { takenUntilMs: 365 * DAY_MS } as Claim['lease'],
    });
    await after(90 * DAY_MS - 1);
    expect(reasons).toEqual([]);
    await after(1);
    expect(reasons).toEqual(['deadline-exceeded']);
  });

  it('stops a run at once if it has already passed', async () => {
    const { reasons } = start({ deadlineMs: -1 });
    await after(0);
    expect(reasons).toEqual(['deadline-exceeded']);
  });
});

describe('exceptions that may have been missed', () => {
  it('are queried within seconds, at a random delay so that a fleet does not ask at once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    onTestFinished(() => void vi.restoreAllMocks());
    const { missed$, status, reasons } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS / 2 - 1);
    expect(status).toEqual([]);
    await after(1);
    expect(status.map(({ asked }) => asked)).toEqual([TASK_ID]);
    status[0]?.answer(statusOf('exception', 'canceled'));
    await after(0);
    expect(reasons).toEqual(['canceled']);
  });

  it.each([
    ['deadline-exceeded', 'deadline-exceeded'],
    ['claim-expired', 'claim-lost'],
  ])('stop a run that has already ended: %s', async (resolved, stop) => {
    const { missed$, status, reasons } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    status[0]?.answer(statusOf('exception', resolved));
    await after(0);
    expect(reasons).toEqual([stop]);
  });

  it.each<[string, TaskStatusStructure | undefined]>([
    ['the run is still running', statusOf('running')],
    ['the worker is not allowed to query it', undefined],
    ['the queue does not know the run', { runs: [] } as unknown as TaskStatusStructure],
  ])('stop nothing when %s', async (_, answer) => {
    const { missed$, status, reasons } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    status[0]?.answer(answer);
    await after(0);
    expect(reasons).toEqual([]);
  });

  it('are queried each time, even after a query has failed', async () => {
    const { missed$, status, reasons } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    status[0]?.fail();
    await after(0);
    expect(reasons).toEqual([]);
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    status[1]?.answer(statusOf('exception', 'canceled'));
    await after(0);
    expect(reasons).toEqual(['canceled']);
  });
});

describe('a queue that fails when missed exceptions are queried', () => {
  it('is asked again until it answers', async () => {
    const { missed$, status, reasons } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    for (let tries = 0; tries < 5; tries++) {
      status[tries]?.fail(new ServiceError('unavailable', 'status: out of order'));
      await after(60_000);
    }
    status[5]?.answer(statusOf('exception', 'canceled'));
    await after(0);
    expect(reasons).toEqual(['canceled']);
  });

  it('is asked at once after it answers another call, but only the first time', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const { missed$, status, back$ } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    for (const asked of [2, 2]) {
      status.at(-1)?.fail(new ServiceError('unavailable', 'status: out of order'));
      await after(0);
      back$.next();
      await after(0);
      expect(status).toHaveLength(asked);
    }
  });

  it('is not asked again after it refuses', async () => {
    const { missed$, status } = start();
    missed$.next(performance.now());
    await after(LOOK_SPREAD_MS);
    status[0]?.fail(new ServiceError('refused', 'status: no such task'));
    await after(10 * 60_000);
    expect(status).toHaveLength(1);
  });
});

describe('a run with several reasons to stop', () => {
  it('stops for the first', () => {
    const { run, exceptions$, shutdown$, reasons } = start();
    shutdown$.next(performance.now());
    exceptions$.next({ taskId: TASK_ID, runId: 0, reason: 'canceled' });
    for (const reason of reasons) run.stop(reason);
    expect(reasons).toEqual(['worker-shutdown', 'canceled']);
    expect(run.state.stop).toBe('worker-shutdown');
    expect(run.stopped.reason).toMatchObject({
      message: 'graceful termination requested, without time to finish tasks',
    });
  });
});

describe('a run that is over', () => {
  it('has no subscriptions and no timers', async () => {
    const { subscription, exceptions$, missed$, shutdown$, status } = start();
    missed$.next(performance.now());
    subscription.unsubscribe();
    await after(DAY_MS);
    expect(vi.getTimerCount()).toBe(0);
    expect(status).toEqual([]);
    expect([exceptions$, missed$, shutdown$].map(({ observed }) => observed)).toEqual([false, false, false]);
  });
});
