import type { Clock } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import type { Publish } from '../../message.ts';
import { taskPending } from '../messages.ts';
import { MAX_RUNS, rerun, schedule } from '../tasks/runs.ts';
import type { Store } from '../tasks/store.ts';
import { stateOf, type Task } from '../tasks/task.ts';
import { pastDeadline } from './conflicts.ts';

interface Scheduler {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Makes an unscheduled task pending, whatever its dependencies. A task that is already scheduled stays as it
 * is.
 *
 * @throws ApiError `RequestConflict` past the task's deadline
 */
export async function scheduleTask({ store, clock }: Scheduler, task: Task, publish: Publish): Promise<Task> {
  if (task.deadline < clock.now()) throw pastDeadline(task, 'scheduled');
  const scheduled = schedule(task, clock.now());
  if (!scheduled) return task;
  store.save(scheduled);
  await publish(taskPending(scheduled));
  return scheduled;
}

/**
 * Makes a task pending again, with all of its retries. A pending or running task stays as it is.
 *
 * @throws ApiError `RequestConflict` past the task's deadline, or after too many runs
 */
export async function rerunTask({ store, clock }: Scheduler, task: Task, publish: Publish): Promise<Task> {
  if (task.deadline < clock.now()) throw pastDeadline(task, 'rescheduled');
  const again = rerun(task, clock.now()) ?? task;
  const state = stateOf(again);
  if (state !== 'pending' && state !== 'running') {
    throw new ApiError(
      'RequestConflict',
      `Task \`${task.taskId}\` has had ${MAX_RUNS} runs, the most there can be.`,
    );
  }
  store.save(again);
  if (state === 'pending') await publish(taskPending(again));
  return again;
}
