import { queueFaultProxy, type QueueFaultProxy } from '../../test/harness/queue-fault-proxy.ts';
import { row } from '../report/row.ts';
import { nowMs } from '../setting/clock.ts';
import { idle, oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { notices: 2, looks: 1 },
  full: { notices: 15, looks: 10 },
};
const FAILURES = 3;

/** Answers a worker's `claimWork` with 500 three times and then normally. Measures the longest wait of any task. */
export const failedClaims: Figure = {
  name: 'failed-claims',
  async measure(setting) {
    const { notices, looks } = setting.quick ? SIZES.quick : SIZES.full;
    const proxy = await queueFaultProxy(setting.queue.rootUrl);
    try {
      setting.say(`failed-claims: ${notices} tasks that are announced`);
      const announced = await announcedTasks(setting, proxy, notices);
      const found: number[] = [];
      for (let look = 1; look <= looks; look++) {
        setting.say(`failed-claims: ${look} of ${looks} workers that find a task`);
        found.push(await foundTask(setting, proxy));
      }
      const longest = (figure: string, waits: readonly number[]) =>
        row(
          `${figure}, claimWork answered 500 ${FAILURES} times, the longest`,
          'ms',
          Math.max(...waits),
          undefined,
          {
            atMost: 10_000,
          },
        );
      return [
        longest('createTask answered → claimed', announced),
        longest('worker started → claimed what was pending', found),
      ];
    } finally {
      await proxy.close();
    }
  },
};

const behind = ({ queue }: Setting, { rootUrl }: QueueFaultProxy) => ({
  count: 1,
  capacity: 1,
  queue: { ...queue, rootUrl },
});

const fail = (proxy: QueueFaultProxy) => proxy.fault('claimWork', { kind: 'status', status: 500 }, FAILURES);

async function announcedTasks(setting: Setting, proxy: QueueFaultProxy, tasks: number): Promise<number[]> {
  await using workers = await startWorkers(setting, 'tcw', behind(setting, proxy));
  const waits: number[] = [];
  for (let task = 0; task < tasks; task++) {
    await idle('tcw');
    const rule = fail(proxy);
    waits.push((await oneTask(setting, workers)).fromAnswer);
    rule.lift();
  }
  return waits;
}

/** A task that was pending before the worker started has no notice, so the worker finds it by a pending check. */
async function foundTask(setting: Setting, proxy: QueueFaultProxy): Promise<number> {
  const pool = setting.newPool('failed-claims');
  const taskId = await setting.queue.createTask(pool, ['true']);
  const rule = fail(proxy);
  await using _workers = await startWorkers(setting, 'tcw', { ...behind(setting, proxy), pool });
  const startedMs = nowMs();
  const claimedMs = await setting.queue.moment('claimed', taskId);
  rule.lift();
  await setting.queue.moment('completed', taskId);
  return claimedMs - startedMs;
}
