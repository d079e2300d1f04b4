import type { TaskPriority } from '../../../taskcluster/index.ts';
import { PRIORITIES, type Task } from './task.ts';

/** A run that waits for a worker. */
export interface PendingRun {
  readonly taskId: string;
  readonly runId: number;
  readonly deadline: number;
  /** When it became pending, in milliseconds since the epoch. A change of its priority does not change this. */
  readonly scheduled: number;
}

/** The pending runs of each task queue: the highest priority first, then the oldest. */
export interface PendingRuns {
  /** Adds the last run of a task. */
  add(task: Task): void;
  remove(task: Task): void;
  /** Takes out up to `count` runs. A run past its task's deadline is never returned. */
  take(taskQueueId: string, count: number, now: number): PendingRun[];
  count(taskQueueId: string, now: number): number;
  /** Returns all runs that could be taken, in order. */
  list(taskQueueId: string, now: number): PendingRun[];
}

/** A Map keeps insertion order, and deletes without a search. */
type Lane = Map<string, PendingRun>;
type Lanes = Record<TaskPriority, Lane>;

export function createPendingRuns(): PendingRuns {
  const taskQueues = new Map<string, Lanes>();

  /** The time of the youngest run that was ever in a lane. */
  const ages = new WeakMap<Lane, number>();

  /** A run whose priority has changed is sorted into its new lane by age. */
  function sort(lane: Lane): void {
    const runs = [...lane].sort(([, one], [, other]) => one.scheduled - other.scheduled);
    lane.clear();
    for (const [taskId, run] of runs) lane.set(taskId, run);
  }

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
      const scheduled = runs.at(-1)?.scheduled ?? 0;
      const lane = lanesOf(taskQueueId)[priority];
      lane.set(taskId, { taskId, runId: runs.length - 1, deadline, scheduled });
      const youngest = ages.get(lane) ?? 0;
      ages.set(lane, Math.max(youngest, scheduled));
      if (scheduled < youngest) sort(lane);
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
    list: (taskQueueId, now) => [...waiting(taskQueueId, now)].map(([, run]) => run),
  };
}
