import { ApiError } from '../../errors.ts';
import { taskCancelledWithGroup, taskException } from '../messages.ts';
import type { Queue } from '../queue.ts';
import { cancel } from '../tasks/runs.ts';
import type { TaskGroup } from '../tasks/task-group.ts';
import type { Task } from '../tasks/task.ts';
import { pastDeadline } from './conflicts.ts';

/**
 * Ends a task in any state. A resolved task stays as it is. A cancelled one is announced again.
 *
 * @throws ApiError `RequestConflict` past the task's deadline
 */
export async function cancelTask(queue: Queue, task: Task): Promise<Task> {
  const { store, clock } = queue;
  if (task.deadline < clock.now()) throw pastDeadline(task, 'canceled');
  const cancelled = cancel(task, 'canceled', clock.now()) ?? task;
  store.save(cancelled);
  if (cancelled.runs.at(-1)?.reasonResolved !== 'canceled') return cancelled;
  try {
    await queue.publisher.publish(taskException(cancelled, cancelled.runs.length - 1));
  } finally {
    queue.dependencyResolver.resolveSoon(cancelled, 'exception');
  }
  return cancelled;
}

/**
 * Ends all unresolved tasks of a group, and returns them.
 *
 * @throws ApiError `RequestConflict` when the group still accepts tasks
 */
export async function cancelTaskGroup(queue: Queue, group: TaskGroup): Promise<Task[]> {
  if (group.sealed === undefined) {
    throw new ApiError('RequestConflict', `Cannot cancel unsealed task group: \`${group.taskGroupId}\``);
  }
  const { store, clock } = queue;
  const now = clock.now();
  const cancelled: Task[] = [];
  for (const task of [...group.taskIds].map(taskId => store.get(taskId))) {
    const after = task.deadline > now ? cancel(task, 'canceled', now) : undefined;
    if (!after) continue;
    store.save(after);
    try {
      await queue.publisher.publish(taskCancelledWithGroup(after));
    } catch (error) {
      // If the task stayed cancelled, a repeated call would skip it, and its worker would never hear of it.
      if (store.find(task.taskId) === after) store.save(task);
      throw error;
    }
    queue.dependencyResolver.resolveSoon(after, 'exception');
    cancelled.push(after);
  }
  return cancelled;
}
