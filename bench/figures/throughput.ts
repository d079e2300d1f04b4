import { row, type Row } from '../report/row.ts';
import type { ObservedCall } from '../setting/observed-call.ts';
import { taskQueueIdOf } from '../setting/queue.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const TASKS = { quick: 40, full: 300 };

/** A backlog of tasks of `true`, worked off by one worker with one slot, and with eight. */
export const throughput: Figure = {
  name: 'throughput',
  async measure(setting): Promise<Row[]> {
    const one = await workOff(setting, 1);
    const eight = await workOff(setting, 8);
    return [
      row('tasks of true, one slot', 'tasks/s', one.tasksPerSecond, undefined, { atLeast: 30 }),
      row('tasks of true, eight slots', 'tasks/s', eight.tasksPerSecond, undefined, { atLeast: 60 }),
      row("one task of true: the worker's own time beside its calls", 'ms', one.ownMs, undefined, {
        atMost: 10,
      }),
    ];
  },
};

interface Work {
  readonly tasksPerSecond: number;
  /** For each task: the time in which the queue was doing nothing for the worker. */
  readonly ownMs: number;
}

async function workOff(setting: Setting, capacity: number): Promise<Work> {
  const { queue } = setting;
  const tasks = setting.quick ? TASKS.quick : TASKS.full;
  const pool = setting.newPool(`throughput-${capacity}`);
  const taskIds: string[] = [];
  setting.say(`throughput: ${tasks} tasks, ${capacity} at a time`);
  for (let task = 0; task < tasks; task++) taskIds.push(await queue.createTask(pool, ['true']));
  // The notices came before anybody listened. The worker finds its backlog by looking, as after a night without any.
  await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity, pool });
  const completed = await Promise.all(taskIds.map(taskId => queue.moment('completed', taskId)));
  const claimed = await Promise.all(taskIds.map(taskId => queue.moment('claimed', taskId)));
  const fromMs = Math.min(...claimed);
  const untilMs = Math.max(...completed);
  // What it asks of the pool, which is whose work there is, and of the tasks.
  const own = new Set([...taskIds, encodeURIComponent(taskQueueIdOf(workers.pool))]);
  const calls = queue.calls('/').filter(({ path }) => path.split(/[/?]/).some(part => own.has(part)));
  const ownMs = untilMs - fromMs - coveredMs(calls, fromMs, untilMs);
  return { tasksPerSecond: tasks / ((untilMs - fromMs) / 1000), ownMs: ownMs / tasks };
}

/** How much of a time at least one of the calls was under way, in ms. */
function coveredMs(calls: readonly ObservedCall[], fromMs: number, untilMs: number): number {
  let covered = 0;
  let until = fromMs;
  for (const { startedMs, answeredMs } of [...calls].sort((one, other) => one.startedMs - other.startedMs)) {
    const end = Math.min(answeredMs ?? startedMs, untilMs);
    covered += Math.max(0, end - Math.max(startedMs, until));
    until = Math.max(until, end);
  }
  return covered;
}
