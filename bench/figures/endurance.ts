import { setTimeout as sleep } from 'node:timers/promises';
import { row, type Row } from '../report/row.ts';
import { residentMb } from '../setting/processes.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers, type Workers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const TASKS = { quick: 2_000, full: 10_000 };
const CAPACITY = 8;
/**
 * The most tasks that are created and not yet completed: the worker always has work, and the queue has no large
 * backlog.
 */
const AHEAD = 32;
/** The number of parts that are compared. The worker warms up in the first. */
const PARTS = 10;
/** After this many parts, a worker's memory contains everything that it keeps for all tasks. */
const WARM_PARTS = 2;
const SETTLE_MS = 1_000;

/** Runs many tasks on one worker, to see whether its memory grows or it gets slower. */
export const endurance: Figure = {
  name: 'endurance',
  async measure(setting): Promise<Row[]> {
    const tasks = setting.quick ? TASKS.quick : TASKS.full;
    await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity: CAPACITY });
    setting.say(`endurance: ${tasks} tasks`);
    const durations: number[] = [];
    const memory: number[] = [];
    for (let part = 0; part < PARTS; part++) {
      durations.push(await workOff(setting, workers, tasks / PARTS));
      await sleep(SETTLE_MS);
      memory.push(await residentMb(workers.pids));
    }
    const growth = slope(memory.slice(WARM_PARTS)) / (tasks / PARTS / 1000);
    const warm = durations.slice(1);
    return [
      row(
        `tcw run: growth of memory with 1,000 tasks, the slope over ${tasks} without the first fifth`,
        'MB',
        growth,
        undefined,
        { atMost: 1 },
      ),
      row(
        `${tasks} tasks: slowest tenth beside the fastest, without the first`,
        'times',
        Math.max(...warm) / Math.min(...warm),
        undefined,
        { atMost: 1.3 },
      ),
    ];
  },
};

/**
 * Returns the growth per value by least squares, so that one garbage collection more or less at the end does not decide
 * the result.
 */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const covariance = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const variance = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return covariance / variance;
}

/** @returns the duration in ms */
async function workOff({ queue }: Setting, { pool }: Workers, tasks: number): Promise<number> {
  const startedMs = performance.now();
  let left = tasks;
  const oneAfterTheOther = async () => {
    while (left-- > 0) await queue.moment('completed', await queue.createTask(pool, ['true']));
  };
  await Promise.all(Array.from({ length: AHEAD }, oneAfterTheOther));
  return performance.now() - startedMs;
}
