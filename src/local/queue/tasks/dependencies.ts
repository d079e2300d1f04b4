import { ApiError } from '../../errors.ts';
import { stateOf, type Task } from './task.ts';

/** Which tasks wait for which others. */
export interface Dependencies {
  /** Records the dependencies of a new task. Call `fulfil` for those that are already fulfilled. */
  track(task: Task): void;
  /** Records that `taskId` no longer waits for `requiredId`. Returns whether it waits for nothing any more. */
  fulfil(taskId: string, requiredId: string): boolean;
  /** Returns the tasks that depend on this one. */
  dependentsOf(requiredId: string): string[];
}

export function createDependencies(): Dependencies {
  const waitsFor = new Map<string, Set<string>>();
  const dependents = new Map<string, Set<string>>();
  return {
    track({ taskId, dependencies }) {
      waitsFor.set(taskId, new Set(dependencies));
      for (const requiredId of dependencies) {
        dependents.set(requiredId, (dependents.get(requiredId) ?? new Set()).add(taskId));
      }
    },
    fulfil(taskId, requiredId) {
      const left = waitsFor.get(taskId);
      left?.delete(requiredId);
      return left === undefined || left.size === 0;
    },
    dependentsOf: requiredId => [...(dependents.get(requiredId) ?? [])],
  };
}

/**
 * Checks that the dependencies of a task exist, and will exist as long as the task may wait for them.
 *
 * @throws ApiError `InputError`
 */
export function checkDependencies(task: Task, find: (taskId: string) => Task | undefined): void {
  const missing = task.dependencies.filter(taskId => !find(taskId));
  if (missing.length > 0) {
    throw new ApiError(
      'InputError',
      `\`dependencies\` must exist before the task does, but these do not: ${missing.join(', ')}`,
    );
  }
  const expiring = task.dependencies.filter(taskId => (find(taskId)?.expires ?? 0) < task.deadline);
  if (expiring.length > 0) {
    throw new ApiError(
      'InputError',
      `\`dependencies\` must not expire before the task's deadline, but these do: ${expiring.join(', ')}`,
    );
  }
}

/** Whether a dependency in its present state lets the task proceed. */
export function isFulfilled(task: Task, required: Task): boolean {
  const state = stateOf(required);
  return (
    state === 'completed' ||
    (task.requires === 'all-resolved' && (state === 'failed' || state === 'exception'))
  );
}
