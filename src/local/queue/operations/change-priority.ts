import type { TaskPriority } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import { taskGroupPriorityChanged, taskPriorityChanged } from '../messages.ts';
import type { Queue } from '../queue.ts';
import type { TaskGroup } from '../tasks/task-group.ts';
import type { Task } from '../tasks/task.ts';
import { pastDeadline } from './conflicts.ts';

/**
 * Changes the priority of a task, and the place of its pending run in line.
 *
 * @throws ApiError `RequestConflict` if the task was ever resolved, even if it was rerun since, or past its
 *   deadline
 */
export async function changeTaskPriority(queue: Queue, task: Task, priority: TaskPriority): Promise<Task> {
  const { store, clock, publisher } = queue;
  if (task.deadline < clock.now()) throw pastDeadline(task, 'given another priority');
  if (wasResolved(task)) {
    throw new ApiError(
      'RequestConflict',
      `Task \`${task.taskId}\` has been resolved, so its priority is of no use.`,
    );
  }
  const changed = { ...task, priority };
  store.save(changed);
  await publisher.publish(taskPriorityChanged(changed, task.priority));
  return changed;
}

/** Changes the priority of all unresolved tasks of a group, and returns them. */
export async function changeTaskGroupPriority(
  { store, clock, publisher }: Queue,
  group: TaskGroup,
  priority: TaskPriority,
): Promise<Task[]> {
  const changed = [...group.taskIds]
    .map(taskId => store.get(taskId))
    .filter(task => task.deadline >= clock.now() && !wasResolved(task))
    .map(task => ({ ...task, priority }));
  for (const task of changed) store.save(task);
  await publisher.publish(taskGroupPriorityChanged(group, priority, changed.length));
  return changed;
}

/** Whether a task was ever resolved. Runs that the queue itself retried do not count. */
function wasResolved({ runs }: Task): boolean {
  return runs.some(
    ({ resolved }, runId) =>
      resolved !== undefined && !['retry', 'task-retry'].includes(runs[runId + 1]?.reasonCreated ?? ''),
  );
}
