import { ApiError } from '../../errors.ts';
import type { Task } from './task.ts';
import { isoTime } from '../../times.ts';

/** A group of tasks. Times are milliseconds since the epoch. */
export interface TaskGroup {
  readonly taskGroupId: string;
  readonly schedulerId: string;
  readonly expires: number;
  /** Since when it accepts no more tasks. */
  readonly sealed?: number;
  /** Its tasks, in the order in which they were created. */
  readonly taskIds: Set<string>;
  /** Tasks that were never resolved. A rerun does not add a task again. */
  readonly unresolved: Set<string>;
}

const HOUR = 3_600_000;

/**
 * Returns the group if `task` may be added. The group outlives its tasks by at least an hour.
 *
 * @throws ApiError `RequestConflict` when the group belongs to another scheduler, or is sealed
 */
export function groupFor(task: Task, group: TaskGroup | undefined): TaskGroup {
  const { taskGroupId, schedulerId, expires } = task;
  if (!group) {
    return {
      taskGroupId,
      schedulerId,
      expires: expires + HOUR,
      taskIds: new Set(),
      unresolved: new Set(),
    };
  }
  if (group.schedulerId !== schedulerId) {
    throw new ApiError(
      'RequestConflict',
      `Task group \`${taskGroupId}\` has the schedulerId \`${group.schedulerId}\`, so a task of \`${schedulerId}\` cannot be in it.`,
    );
  }
  if (group.sealed !== undefined) {
    throw new ApiError('RequestConflict', `Task group \`${taskGroupId}\` is sealed: it takes no more tasks.`);
  }
  return expires > group.expires ? { ...group, expires: expires + HOUR } : group;
}

/** Formats a group for answers and messages. */
export function describeGroup({ taskGroupId, schedulerId, expires, sealed }: TaskGroup) {
  return {
    taskGroupId,
    schedulerId,
    expires: isoTime(expires),
    ...(sealed !== undefined && { sealed: isoTime(sealed) }),
  };
}
