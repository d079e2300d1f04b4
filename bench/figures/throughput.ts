import { row, type Row } from '../report/row.ts';
import type { ObservedCall } from '../setting/observed-call.ts';
import { taskQueueIdOf } from '../setting/queue.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const TASKS = { quick: 40, full: 300 };

/**
 * A backlog of tasks of `true`, worked off by one worker with one slot and with eight. It is compared with a bare loop
 * that makes the same calls and spawns the command, so that the speeds of the machine and of its queue cancel out.
 */
export const throughput: Figure = {
  name: 'throughput',
  async measure(setting): Promise<Row[]> {
    const bareOne = await workOff(setting, 'bare', 1);
    const one = await workOff(setting, 'tcw', 1);
    const bareEight = await workOff(setting, 'bare', 8);
    const eight = await workOff(setting, 'tcw', 8);
    const goal = { ratioAtLeast: 0.4 };
    return [
      row('a task of true, one slot, beside the bare loop', 'ms', one.taskMs, bareOne.taskMs, goal),
      row('a task of true, eight slots, beside eight bare loops', 'ms', eight.taskMs, bareEight.taskMs, goal),
      row('tasks of true, one slot', 'tasks/s', 1000 / one.taskMs, undefined),
      row('tasks of true, eight slots', 'tasks/s', 1000 / eight.taskMs, undefined),
      row(
        "a task of true: the worker's own time beside its calls, and that of the bare loop",
        'ms',
        one.ownMs,
        bareOne.ownMs,
      ),
    ];
  },
};

interface Work {
  /** From the first claim to the last report, divided by the number of tasks. */
  readonly taskMs: number;
  /** The time for each task in which no call to the queue was in progress. */
  readonly ownMs: number;
}

async function workOff(setting: Setting, kind: 'tcw' | 'bare', capacity: number): Promise<Work> {
  const { queue } = setting;
  const tasks = setting.quick ? TASKS.quick : TASKS.full;
  const pool = setting.newPool(`throughput-${kind}-${capacity}`);
  const taskIds: string[] = [];
  setting.say(`throughput: ${tasks} tasks, ${capacity} at a time, ${kind}`);
  for (let task = 0; task < tasks; task++) taskIds.push(await queue.createTask(pool, ['true']));
  // The notices were published before anyone listened. The worker finds its backlog by a pending check, as it would
  // after a night without notices.
  await using workers = await startWorkers(setting, kind, { count: 1, capacity, pool });
  const completed = await Promise.all(taskIds.map(taskId => queue.moment('completed', taskId)));
  const claimed = await Promise.all(taskIds.map(taskId => queue.moment('claimed', taskId)));
  const fromMs = Math.min(...claimed);
  const untilMs = Math.max(...completed);
  // Calls about the pool, which is how the worker asks for work, and calls about the tasks.
  const own = new Set([...taskIds, encodeURIComponent(taskQueueIdOf(workers.pool))]);
  const calls = queue.calls('/').filter(({ path }) => path.split(/[/?]/).some(part => own.has(part)));
  const ownMs = untilMs - fromMs - coveredMs(calls, fromMs, untilMs);
  return { taskMs: (untilMs - fromMs) / tasks, ownMs: ownMs / tasks };
}

/** Returns the part of a period in which at least one of the calls was in progress, in ms. */
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
