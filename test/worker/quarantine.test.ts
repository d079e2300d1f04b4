import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { deployment, sh, type Deployment } from './deployment.ts';

const HOUR_MS = 3_600_000;

describe('a worker in quarantine', () => {
  let here: Deployment;
  afterEach(() => here.close());

  it.each([
    ['can query its quarantine', true],
    ['is not allowed to query it', false],
  ])('takes no notices from healthy workers if it %s', async (_, mayAsk) => {
    here = await deployment({ longPollMs: 300 });
    let claims = 0;
    const watch = (queue: Queue): Queue => ({
      ...queue,
      quarantinedUntil: mayAsk ? () => queue.quarantinedUntil() : () => Promise.resolve(undefined),
      claimWork: tasks => {
        claims++;
        return queue.claimWork(tasks);
      },
    });
    const sick = await here.startWorker({ workerId: 'sick' }, { watch });
    expect(await here.resolved(await here.createTask(sh('true')))).toMatchObject({ state: 'completed' });
    await here.quarantine('sick', Date.now() + HOUR_MS);

    // No other worker is in the pool, so the notice returns to this worker.
    const waiting = await here.createTask(sh('true'));
    const warnings = () => sick.events.filter(item => item.type === 'quarantined' || item.type === 'starved');
    await expect.poll(warnings).toHaveLength(1);
    if (mayAsk) {
      expect(Date.parse((warnings()[0] as { until: string }).until)).toBeGreaterThan(
        Date.now() + HOUR_MS / 2,
      );
    }
    const claimsWhenTold = claims;
    await sleep(1_000);
    expect(claims).toBe(claimsWhenTold);
    expect(await here.status(waiting)).toMatchObject({ state: 'pending' });

    await here.startWorker({ workerId: 'healthy' });
    const others = await Promise.all([1, 2, 3].map(() => here.createTask(sh('true'))));
    for (const taskId of [waiting, ...others]) {
      expect((await here.resolved(taskId)).runs).toMatchObject([{ state: 'completed', workerId: 'healthy' }]);
    }
    expect(claims).toBe(claimsWhenTold);
    expect(warnings()).toHaveLength(1);
  });

  it('works again after the end of its quarantine, and claims what was announced meanwhile', async () => {
    here = await deployment({ longPollMs: 300 });
    await here.startWorker({ workerId: 'sick' });
    await here.resolved(await here.createTask(sh('true')));
    await here.quarantine('sick', Date.now() + 3_000);
    const tasks = await Promise.all([1, 2].map(() => here.createTask(sh('true'))));
    for (const taskId of tasks) {
      expect((await here.resolved(taskId)).runs).toMatchObject([{ state: 'completed', workerId: 'sick' }]);
    }
  });

  it('finishes the tasks that it runs', async () => {
    here = await deployment({ claimTimeoutMs: 1_500 });
    await here.startWorker({ workerId: 'sick', capacity: 2 });
    const taskId = await here.createTask(sh('sleep 2.5'));
    await here.running(taskId);
    await here.quarantine('sick', Date.now() + HOUR_MS);
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  });
});
