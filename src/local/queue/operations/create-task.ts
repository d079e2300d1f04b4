import { ApiError } from '../../errors.ts';
import { taskDefined, taskPending } from '../messages.ts';
import type { Queue } from '../queue.ts';
import { checkTask, sameDefinition } from '../tasks/definition.ts';
import { checkDependencies, isFulfilled } from '../tasks/dependencies.ts';
import { schedule } from '../tasks/runs.ts';
import { groupFor } from '../tasks/task-group.ts';
import { stateOf, type Task } from '../tasks/task.ts';

/**
 * Accepts a task. It is pending at once if it has no open dependencies. A repeated request announces the task
 * again.
 *
 * @throws ApiError `InputError` for an invalid task, `RequestConflict` when there is a different task with this
 *   id, or when its group does not accept it
 */
export async function createTask(queue: Queue, task: Task): Promise<Task> {
  checkTask(task, queue.clock.now());
  const group = groupFor(task, queue.store.groups.get(task.taskGroupId));
  const known = queue.store.find(task.taskId);
  if (known && !sameDefinition(known, task)) {
    throw new ApiError(
      'RequestConflict',
      `There is a task \`${task.taskId}\` already, and it is defined differently.`,
    );
  }
  let created = known;
  if (!created) {
    if (holdsNul(task)) throw new Error('PostgreSQL has no NUL in JSON, so the real queue breaks here');
    checkDependencies(task, taskId => (taskId === task.taskId ? task : queue.store.find(taskId)));
    queue.store.groups.set(task.taskGroupId, group);
    group.taskIds.add(task.taskId);
    group.unresolved.add(task.taskId);
    created = admit(queue, task);
  }
  await queue.publisher.publish(taskDefined(created));
  const isFirstRun = created.runs.length === 1;
  if (isFirstRun && stateOf(created) === 'pending') await queue.publisher.publish(taskPending(created));
  return created;
}

const NUL = /(?<!\\)(\\\\)*\\u0000/;

function holdsNul({ payload, metadata, tags, extra }: Task): boolean {
  return NUL.test(JSON.stringify([payload, metadata, tags, extra]));
}

/** Stores a task. It is pending if nothing prevents that. */
function admit(queue: Queue, task: Task): Task {
  const { store, dependencies, clock } = queue;
  dependencies.track(task);
  queue.deadlineResolver.watch(task);
  let isFree = task.dependencies.length === 0;
  for (const requiredId of task.dependencies) {
    const required = store.find(requiredId);
    if (required && isFulfilled(task, required)) isFree = dependencies.fulfil(task.taskId, requiredId);
  }
  const admitted = (isFree ? schedule(task, clock.now()) : undefined) ?? task;
  store.save(admitted);
  return admitted;
}
