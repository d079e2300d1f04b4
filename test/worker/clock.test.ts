import { describe, expect, it, onTestFinished } from 'vitest';
import type { Queue } from '../../src/taskcluster/index.ts';
import { deployment, sh } from './deployment.ts';

const MINUTE = 60_000;

/** A deployment whose clock differs from the worker's. `times` are by the deployment's clock. */
async function skewed(aheadMs: number, claimTimeoutMs?: number) {
  const now = () => Date.now() + aheadMs;
  const after = (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
    };
  };
  const here = await deployment({
    clock: { now, after },
    deadlineDelayMs: MINUTE,
    claimDelayMs: MINUTE,
    ...(claimTimeoutMs && { claimTimeoutMs }),
  });
  onTestFinished(() => here.close());
  const soon = (ms: number) => new Date(now() + ms).toJSON();
  const times = (deadlineMs: number) => ({ created: soon(0), deadline: soon(deadlineMs) });
  return { here, times };
}

const DIRECTIONS = [10 * MINUTE, -10 * MINUTE];

describe('with a queue whose clock is ten minutes ahead or behind', () => {
  it('claims are kept, and a run ends at its deadline by the queue’s clock', async () => {
    const stops = DIRECTIONS.map(async aheadMs => {
      const { here, times } = await skewed(aheadMs, 2_500);
      const worker = await here.startWorker();
      const taskId = await here.createTask(sh('sleep 600'), times(6_500));
      await here.running(taskId);
      const begun = performance.now();
      const stopped = () =>
        worker.events.flatMap(item => (item.type === 'run' && item.state.stop ? [item.state.stop] : []));
      await expect.poll(stopped).not.toEqual([]);
      return { stop: stopped()[0], afterMs: performance.now() - begun };
    });
    for (const { stop, afterMs } of await Promise.all(stops)) {
      expect(stop).toBe('deadline-exceeded');
      expect(afterMs).toBeGreaterThan(3_000);
    }
  });

  it.each(DIRECTIONS)(
    'a new notice is trusted without a check once there was a claim: %d ms',
    async aheadMs => {
      const { here, times } = await skewed(aheadMs);
      let checked = 0;
      const watch = (queue: Queue): Queue => ({
        ...queue,
        status: taskId => {
          checked++;
          return queue.status(taskId);
        },
      });
      await here.startWorker({}, { watch });
      await here.resolved(await here.createTask(sh('true'), times(MINUTE)));
      const checkedAtFirst = checked;
      await here.resolved(await here.createTask(sh('true'), times(MINUTE)));
      expect(checked).toBe(checkedAtFirst);
    },
  );
});
