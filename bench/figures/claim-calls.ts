import { setTimeout as sleep } from 'node:timers/promises';
import { row } from '../report/row.ts';
import { taskQueueIdOf } from '../setting/queue.ts';
import { burst, idle, oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers, type Contender } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const WORKERS = { count: 8, capacity: 1 };
const BURST = 8;
const SIZES = {
  quick: { singles: 3, bursts: 2, backlog: 16 },
  full: { singles: 40, bursts: 15, backlog: 100 },
};

/**
 * Eight workers with one slot each: tasks that are created one by one, eight at a time and as a backlog, and the calls
 * that they cost.
 */
export const claimCalls: Figure = {
  name: 'claim-calls',
  async measure(setting) {
    const tcw = await countCalls(setting, 'tcw');
    // This figure has no goal relative to the baseline, and eight more workers take long to start.
    const baseline = setting.quick ? undefined : await countCalls(setting, 'baseline');
    return [
      row(
        `claimWork calls for each task, ${WORKERS.count} workers`,
        'calls',
        tcw.claimWork,
        baseline?.claimWork,
        { atMost: 1.1 },
      ),
      row('pendingTasks calls for each worker, in that time', 'calls', tcw.pendingTasks, undefined),
    ];
  },
};

async function countCalls(setting: Setting, kind: Contender) {
  const { singles, bursts, backlog } = setting.quick ? SIZES.quick : SIZES.full;
  setting.say(`claim-calls: ${kind}`);
  const taskQueueId = await work();
  // The workers have ended and closed their open calls. The queue reports those calls a moment later.
  await sleep(200);
  const tasks = singles + bursts * BURST + backlog;
  const calls = (path: string) => setting.queue.calls(`/${path}/${taskQueueId}`).length;
  return { claimWork: calls('claim-work') / tasks, pendingTasks: calls('pending') / WORKERS.count };

  async function work(): Promise<string> {
    await using workers = await startWorkers(setting, kind, WORKERS);
    for (let sample = 0; sample < singles; sample++) {
      await idle(kind);
      await oneTask(setting, workers);
    }
    for (let round = 0; round < bursts; round++) {
      await idle(kind);
      await burst(setting, workers, BURST);
    }
    await burst(setting, workers, backlog);
    await idle(kind);
    return encodeURIComponent(taskQueueIdOf(workers.pool));
  }
}
