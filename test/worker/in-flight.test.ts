import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { deployment, sh, type RunningWorker } from './deployment.ts';

const stopsOf = ({ events }: RunningWorker) =>
  events.flatMap(item => (item.type === 'run' && item.state.stop ? [item.state.stop] : []));

it('a run is given back if the answer to its granted renewal arrives after the claim expired', async () => {
  const here = await deployment({ claimTimeoutMs: 6_000, longPollMs: 300 });
  onTestFinished(() => here.close());
  // The renewal reaches the queue in time. Its answer arrives after the end of the claim that the worker knows.
  const watch = (queue: Queue): Queue => ({
    ...queue,
    forRun: claim => {
      const calls = queue.forRun(claim);
      return new Proxy(calls, {
        get: (target, name): unknown =>
          name === 'reclaim'
            ? async () => {
                const lease = await target.reclaim();
                await sleep(3_000);
                return lease;
              }
            : Reflect.get(target, name),
      });
    },
  });
  const worker = await here.startWorker({}, { watch });
  const taskId = await here.createTask(sh('sleep 600'));
  await expect.poll(() => stopsOf(worker)).toContain('claim-lost');
  await expect
    .poll(async () => (await here.status(taskId)).runs[0])
    .toMatchObject({ state: 'exception', reasonResolved: 'worker-shutdown' });
  worker.shutdown('now');
});

it('a cancellation that Pulse missed is found even if the claim arrives only after the gap', async () => {
  const here = await deployment({ longPollMs: 300 });
  onTestFinished(() => here.close());
  let isFirst = true;
  const watch = (queue: Queue): Queue => ({
    ...queue,
    claimWork: async tasks => {
      const claims = await queue.claimWork(tasks);
      const [claim] = claims;
      if (!claim || !isFirst) return claims;
      isFirst = false;
      await here.losePulse();
      await here.cancelTask(claim.taskId);
      here.findPulse();
      // Long after Pulse is reachable again.
      await sleep(3_000);
      return claims;
    },
  });
  const worker = await here.startWorker({}, { watch });
  await here.createTask(sh('sleep 600'));
  await expect.poll(() => stopsOf(worker)).toContain('canceled');
});
