import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import type { LocalQueueOptions } from '../../src/local/index.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { deployment, sh, type Way } from '../worker/deployment.ts';

/** A worker waits for minutes before it looks again by itself. What is to come sooner comes within this, in ms. */
const SOON_MS = 30_000;
/** Longer than `idleTimeoutSecs` of the workers here. */
const IDLE_MS = 1_000;

/** A deployment behind a proxy. */
async function setting(way: Way = 'with Pulse', options: Partial<LocalQueueOptions> = {}) {
  const here = await deployment({ claimDelayMs: 0, longPollMs: 300, ...options }, undefined, way);
  const proxy = await queueFaultProxy(here.rootUrl);
  const start = (config = {}) => here.startWorker({ rootURL: proxy.rootUrl, ...config });
  const close = async () => {
    await here.close();
    await proxy.close();
  };
  const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    const late = new AbortController();
    try {
      return await Promise.race([
        work,
        sleep(ms, undefined, { signal: late.signal }).then(() => {
          throw new Error(`not within ${ms / 1_000} s`);
        }),
      ]);
    } finally {
      late.abort();
    }
  };
  return { here, proxy, start, close, within };
}

describe.concurrent('a failed claimWork is followed by another one within seconds', () => {
  it.for<[string, Way, 1 | 3, 'before' | 'after']>([
    ['once, after a pending check', 'with Pulse', 1, 'before'],
    ['three times, after a pending check', 'with Pulse', 3, 'before'],
    ['three times, after a notice', 'with Pulse', 3, 'after'],
    ['three times, while it polls', 'polling', 3, 'before'],
  ])('%s', async ([, way, times, when], { expect, onTestFinished }) => {
    const { here, proxy, start, close, within } = await setting(way);
    onTestFinished(close);
    const fail = () => proxy.fault('claimWork', { kind: 'status', status: 500 }, times);
    const before = when === 'before' ? await here.createTask(sh('true')) : undefined;
    let rule = before === undefined ? undefined : fail();
    await start();
    rule ??= fail();
    const taskId = before ?? (await here.createTask(sh('true')));
    expect(await within(SOON_MS, here.resolved(taskId))).toMatchObject({ state: 'completed' });
    expect(rule.met).toBe(times);
  });

  it('even after a truncated answer, although its claim is lost until it expires', async ({
    expect,
    onTestFinished,
  }) => {
    const { here, proxy, start, close, within } = await setting();
    onTestFinished(close);
    const first = await here.createTask(sh('true'));
    proxy.fault('claimWork', { kind: 'lose-answer' }, 1);
    await start({ capacity: 2 });
    await here.running(first);
    const next = await here.createTask(sh('true'));
    expect(await within(SOON_MS, here.resolved(next))).toMatchObject({ state: 'completed' });
  });
});

describe.concurrent('a worker does not count as idle while the queue fails', () => {
  it.for<[string, Way, 'claimWork' | 'pendingTasks' | 'everything']>([
    ['its claims fail', 'with Pulse', 'claimWork'],
    ['its pending checks fail', 'with Pulse', 'pendingTasks'],
    ['everything fails', 'with Pulse', 'everything'],
    ['its polls fail', 'polling', 'claimWork'],
  ])('%s', async ([, way, what], { expect, onTestFinished }) => {
    const { here, proxy, start, close, within } = await setting(way);
    onTestFinished(close);
    const taskId = await here.createTask(sh('true'));
    const rule = proxy.fault(what === 'everything' ? undefined : what, { kind: 'status', status: 500 });
    const worker = await start({ idleTimeoutSecs: IDLE_MS / 1_000 });
    await sleep(3 * IDLE_MS);
    expect(worker.events.some(item => item.type === 'worker' && item.state.phase === 'draining')).toBe(false);
    rule.lift();
    expect(await within(SOON_MS, here.resolved(taskId))).toMatchObject({ state: 'completed' });
    // With an answer that nothing is pending it is idle, and goes.
    expect(await within(SOON_MS, worker.ended)).toBe('idle');
  });

  it('and claims a task whose notice was lost before it ends', async ({ expect, onTestFinished }) => {
    const { here, start, close, within } = await setting('with Pulse', { publish: async () => undefined });
    onTestFinished(close);
    const worker = await start({ idleTimeoutSecs: 2 });
    const taskId = await here.createTask(sh('true'));
    expect(await within(SOON_MS, here.resolved(taskId))).toMatchObject({ state: 'completed' });
    expect(await within(SOON_MS, worker.ended)).toBe('idle');
  });
});
