import { ApiError } from '../../errors.ts';
import { createPendingRuns, type PendingRuns } from './pending-runs.ts';
import { stateOf, type Task } from './task.ts';
import type { TaskGroup } from './task-group.ts';

/** The queue's record of tasks. It is in memory, and lost with the process. */
export interface Store {
  readonly pending: PendingRuns;
  readonly groups: Map<string, TaskGroup>;
  find(taskId: string): Task | undefined;
  /** @throws ApiError `ResourceNotFound` */
  get(taskId: string): Task;
  /** Replaces the record of a task. */
  save(task: Task): void;
  remove(task: Task): void;
  /** Returns the tasks of a task queue with claimed runs, the oldest claim first. */
  claimed(taskQueueId: string): Task[];
}

export function createStore(): Store {
  const tasks = new Map<string, Task>();
  const pending = createPendingRuns();
  const claimed = new Map<string, Set<string>>();

  /** All derived lists depend only on the task's state. */
  function list(task: Task): void {
    const state = stateOf(task);
    if (state === 'pending') pending.add(task);
    if (state !== 'running') return;
    const running = claimed.get(task.taskQueueId) ?? new Set();
    claimed.set(task.taskQueueId, running.add(task.taskId));
  }

  function unlist(task: Task): void {
    const state = stateOf(task);
    if (state === 'pending') pending.remove(task);
    if (state === 'running') claimed.get(task.taskQueueId)?.delete(task.taskId);
  }

  return {
    pending,
    groups: new Map(),
    find: taskId => tasks.get(taskId),
    get(taskId) {
      const task = tasks.get(taskId);
      if (!task) throw new ApiError('ResourceNotFound', `Task \`${taskId}\` does not exist.`);
      return task;
    },
    save(task) {
      const before = tasks.get(task.taskId);
      // Listing a pending task again would move it to the end of its line.
      if (before === task) return;
      if (before) unlist(before);
      tasks.set(task.taskId, task);
      list(task);
    },
    remove(task) {
      unlist(task);
      tasks.delete(task.taskId);
    },
    claimed: taskQueueId => [...(claimed.get(taskQueueId) ?? [])].flatMap(taskId => tasks.get(taskId) ?? []),
  };
}
