import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { deployment, sh, type Deployment, type Way } from './deployment.ts';

const LONG_POLL_MS = 3_000;

/** Counts the open calls for work. */
function openClaims() {
  const seen = { open: 0 };
  const watch = (queue: Queue): Queue => ({
    ...queue,
    claimWork: async tasks => {
      seen.open++;
      try {
        return await queue.claimWork(tasks);
      } finally {
        seen.open--;
      }
    },
  });
  return { seen, watch };
}

/** Repeats the notice of a running task. The worker then asks for work that is gone, and its call stays open. */
const askInVain = (here: Deployment, taskId: string) => here.repeat('task-pending', taskId);

const reasons = async (here: Deployment, taskId: string) =>
  (await here.status(taskId)).runs.map(run => run.reasonResolved ?? run.state);

describe.concurrent('a worker that shuts down gives each of its tasks back once', () => {
  it.for<[Way, number, number]>([
    ['polling', 1, 0],
    ['polling', 2, 1],
    ['polling', 4, 1],
    ['with Pulse', 1, 0],
    ['with Pulse', 2, 1],
    ['with Pulse', 4, 2],
  ])(
    '%s, capacity %i, with %i calls for work open',
    async ([way, capacity, open], { expect, onTestFinished }) => {
      const here = await deployment({ longPollMs: LONG_POLL_MS, claimDelayMs: 100 }, undefined, way);
      onTestFinished(() => here.close());
      const { seen, watch } = openClaims();
      const worker = await here.startWorker({ capacity }, { watch });
      const taskId = await here.createTask(sh('sleep 600'));
      await here.running(taskId);
      if (way === 'with Pulse') for (let count = 0; count < open; count++) await askInVain(here, taskId);
      await waitFor(() => {
        expect(seen.open).toBe(open);
      });
      worker.shutdown('now');
      expect(await worker.ended).toBe('shutdown');
      expect(await reasons(here, taskId)).toEqual(['worker-shutdown', 'pending']);
      expect(worker.events.map(({ type }) => type)).not.toContain('giving-back');
    },
  );

  it('even one that is claimed only during the shutdown', async ({ expect, onTestFinished }) => {
    const here = await deployment({ longPollMs: LONG_POLL_MS, claimDelayMs: 100 });
    onTestFinished(() => here.close());
    const { seen, watch } = openClaims();
    const worker = await here.startWorker({ capacity: 4 }, { watch });
    const first = await here.createTask(sh('sleep 600'));
    await here.running(first);
    for (let count = 0; count < 3; count++) await askInVain(here, first);
    await waitFor(() => {
      expect(seen.open).toBe(3);
    });
    worker.shutdown('now');
    const second = await here.createTask(sh('sleep 600'));
    expect(await worker.ended).toBe('shutdown');
    expect(await reasons(here, first)).toEqual(['worker-shutdown', 'pending']);
    expect(await reasons(here, second)).toEqual(['worker-shutdown', 'pending']);
  });

  it('and a run that failed intermittently during the shutdown', async ({ expect, onTestFinished }) => {
    const here = await deployment({ longPollMs: LONG_POLL_MS, claimDelayMs: 100 }, undefined, 'polling');
    onTestFinished(() => here.close());
    const worker = await here.startWorker({ capacity: 2 });
    const taskId = await here.createTask({ ...sh('sleep 1; exit 7'), onExitStatus: { retry: [7] } });
    await here.running(taskId);
    worker.shutdown('finish');
    expect(await worker.ended).toBe('stopped');
    expect(await reasons(here, taskId)).toEqual(['intermittent-task', 'pending']);
  });

  it('in time, even if claimWork is never answered', async ({ expect, onTestFinished }) => {
    const here = await deployment({}, undefined, 'polling');
    const proxy = await queueFaultProxy(here.rootUrl);
    onTestFinished(async () => {
      await here.close();
      await proxy.close();
    });
    const worker = await here.startWorker({ rootURL: proxy.rootUrl, capacity: 2, shutdownGraceSecs: 6 });
    const taskId = await here.createTask(sh('sleep 600'));
    await here.running(taskId);
    const rule = proxy.fault('claimWork', { kind: 'freeze' });
    await rule.first;
    worker.shutdown('now');
    await waitFor(async () => {
      expect(await reasons(here, taskId)).toEqual(['worker-shutdown', 'pending']);
    });
    expect(worker.events.at(-1)).not.toMatchObject({ state: { phase: 'stopped' } });
    rule.lift();
    await sleep(10);
  });
});
