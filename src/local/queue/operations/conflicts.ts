import { ApiError } from '../../errors.ts';
import type { Run, Task } from '../tasks/task.ts';
import { isoTime } from '../../times.ts';

/** @throws ApiError `ResourceNotFound` when the task has no such run */
export function getRun(task: Task, runId: number): Run {
  const run = task.runs[runId];
  if (!run) throw new ApiError('ResourceNotFound', `Run ${runId} not found on task \`${task.taskId}\`.`);
  return run;
}

/** Creates the error for a request that comes too late for a run. */
export function notRunning(task: Task, runId: number): ApiError {
  return new ApiError(
    'RequestConflict',
    `Run ${runId} on task \`${task.taskId}\` is resolved or not running.`,
  );
}

/** Creates the error for a request that comes too late for a task. `done` is a participle: reclaimed, canceled. */
export function pastDeadline(task: Task, done: string): ApiError {
  return new ApiError(
    'RequestConflict',
    `Task \`${task.taskId}\` can't be ${done} past its deadline of ${isoTime(task.deadline)}.`,
  );
}
