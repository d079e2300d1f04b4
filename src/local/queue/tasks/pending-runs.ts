import type { TaskPriority } from '../../../queue/index.ts';
import { PRIORITIES, type Task } from './task.ts';

/** A run that waits for a worker. */
export interface PendingRun {
  readonly taskId: string;
  readonly runId: number;
  readonly deadline: number;
}

/** The runs that wait for a worker, for each task queue: the highest priority first, then the oldest. */
export interface PendingRuns {
  /** Adds the last run of a task. */
  add(task: Task): void;
  remove(task: Task): void;
  /** Takes up to `count` runs out. A run past its task's deadline is never handed out. */
  take(taskQueueId: string, count: number, now: number): PendingRun[];
  count(taskQueueId: string, now: number): number;
}

/** A Map keeps the order in which runs came, and lets one go without a search. */
type Lane = Map<string, PendingRun>;
type Lanes = Record<TaskPriority, Lane>;

export function createPendingRuns(): PendingRuns {
  const taskQueues = new Map<string, Lanes>();

  function lanesOf(taskQueueId: string): Lanes {
    let lanes = taskQueues.get(taskQueueId);
    if (!lanes) {
      lanes = Object.fromEntries(PRIORITIES.map(priority => [priority, new Map() as Lane])) as Lanes;
      taskQueues.set(taskQueueId, lanes);
    }
    return lanes;
  }

  function* waiting(taskQueueId: string, now: number): Generator<[Lane, PendingRun]> {
    const lanes = taskQueues.get(taskQueueId);
    if (!lanes) return;
    for (const priority of PRIORITIES) {
      for (const run of lanes[priority].values()) {
        if (run.deadline > now) yield [lanes[priority], run];
      }
    }
  }

  return {
    add({ taskId, taskQueueId, priority, deadline, runs }) {
      lanesOf(taskQueueId)[priority].set(taskId, { taskId, runId: runs.length - 1, deadline });
    },
    remove({ taskId, taskQueueId, priority }) {
      lanesOf(taskQueueId)[priority].delete(taskId);
    },
    take(taskQueueId, count, now) {
      const taken: PendingRun[] = [];
      for (const [lane, run] of waiting(taskQueueId, now)) {
        if (taken.length === count) break;
        lane.delete(run.taskId);
        taken.push(run);
      }
      return taken;
    },
    count(taskQueueId, now) {
      return [...waiting(taskQueueId, now)].length;
    },
  };
}
