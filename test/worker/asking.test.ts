import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { deployment, sh, type Deployment } from './deployment.ts';

/** Counts a worker's calls to the queue. */
function counting() {
  const asked = { claimWork: [] as number[], pendingTasks: 0, status: 0 };
  const watch = (queue: Queue): Queue => ({
    ...queue,
    claimWork: tasks => {
      asked.claimWork.push(tasks);
      return queue.claimWork(tasks);
    },
    pendingTasks: () => {
      asked.pendingTasks++;
      return queue.pendingTasks();
    },
    status: taskId => {
      asked.status++;
      return queue.status(taskId);
    },
  });
  return { asked, watch };
}

describe('a worker claims tasks', () => {
  let here: Deployment;
  afterEach(() => here.close());

  it('with one claimWork per notice, and none without a notice', async () => {
    here = await deployment();
    const { asked, watch } = counting();
    await here.startWorker({}, { watch });
    await sleep(300);
    expect(asked).toEqual({ claimWork: [], pendingTasks: 1, status: 0 });
    for (let n = 0; n < 5; n++) await here.resolved(await here.createTask(sh('true')));
    expect(asked.claimWork).toEqual([1, 1, 1, 1, 1]);
  });

  it('that were pending before it started, and makes no further calls', async () => {
    here = await deployment();
    const tasks = await Promise.all([1, 2, 3].map(() => here.createTask(sh('true'))));
    const { asked, watch } = counting();
    await here.startWorker({ capacity: 4 }, { watch });
    for (const taskId of tasks) expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(asked.claimWork).toEqual([3]);
  });

  it('from a backlog of notices, until none is left', async () => {
    here = await deployment();
    // A first worker declares the pool's Pulse queue, so that notices accumulate there.
    const first = await here.startWorker();
    first.shutdown('finish');
    await first.ended;
    const tasks = await Promise.all(Array.from({ length: 20 }, () => here.createTask(sh('true'))));
    const { asked, watch } = counting();
    await here.startWorker({ capacity: 2 }, { watch });
    for (const taskId of tasks) expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const claimed = asked.claimWork.reduce((sum, count) => sum + count, 0);
    expect(claimed).toBeGreaterThanOrEqual(20);
    expect(claimed).toBeLessThanOrEqual(22);
    const before = asked.claimWork.length;
    await here.resolved(await here.createTask(sh('true')));
    expect(asked.claimWork.length - before).toBe(1);
  });

  it('so that each task wakes one worker of the pool', async () => {
    here = await deployment();
    const counts = [1, 2, 3].map(() => counting());
    for (const { watch } of counts) await here.startWorker({}, { watch });
    await sleep(200);
    const tasks: string[] = [];
    for (let n = 0; n < 9; n++) {
      tasks.push(await here.createTask(sh('sleep 0.2')));
      await sleep(100);
    }
    for (const taskId of tasks) expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const calls = counts.map(({ asked }) => asked.claimWork.length);
    expect(calls.reduce((sum, count) => sum + count)).toBe(9);
    expect(Math.min(...calls)).toBeGreaterThan(0);
  });

  it('and runs as many at once as it has slots', async () => {
    here = await deployment();
    const worker = await here.startWorker({ capacity: 3 });
    const tasks = await Promise.all(Array.from({ length: 7 }, () => here.createTask(sh('sleep 0.4'))));
    for (const taskId of tasks) expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    let running = 0;
    let most = 0;
    for (const item of worker.events) {
      if (item.type !== 'run') continue;
      if (item.state.phase === 'claimed' && !item.state.stop) most = Math.max(most, ++running);
      if (item.state.phase === 'resolved') running--;
    }
    expect(most).toBe(3);
  });

  it('by polling without Pulse, with no pause after a task', async () => {
    here = await deployment();
    const { asked, watch } = counting();
    await here.startWorker({}, { pulse: false, watch });
    for (let n = 0; n < 3; n++) {
      expect(await here.resolved(await here.createTask(sh('true')))).toMatchObject({ state: 'completed' });
    }
    expect(asked.pendingTasks).toBe(0);
    expect(asked.claimWork.length).toBeGreaterThanOrEqual(3);
  });

  it('from notices again after Pulse was lost, including tasks that were announced meanwhile', async () => {
    here = await deployment();
    const { asked, watch } = counting();
    await here.startWorker({}, { watch });
    for (let round = 0; round < 3; round++) {
      await here.cutPulse();
      const taskId = await here.createTask(sh('true'));
      expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    }
    expect(asked.claimWork.length).toBeLessThanOrEqual(6);
  });

  it('and stops one whose cancellation it missed while Pulse was down', async () => {
    here = await deployment();
    const worker = await here.startWorker();
    const taskId = await here.createTask(sh('sleep 600'));
    await here.running(taskId);
    await Promise.all([here.cutPulse(), here.cancelTask(taskId)]);
    await expect
      .poll(() => worker.events.some(item => item.type === 'run' && item.state.phase === 'resolved'))
      .toBe(true);
    expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'canceled' });
  });
});
