import { ApiError } from '../../errors.ts';
import { stateOf, type Task } from './task.ts';

/** Which task waits for which. */
export interface Dependencies {
  /** Notes what a new task waits for. Whether any of that is fulfilled already is for `fulfil`. */
  track(task: Task): void;
  /** Notes that `taskId` waits for `requiredId` no longer. Returns whether it waits for nothing any more. */
  fulfil(taskId: string, requiredId: string): boolean;
  /** The tasks that named this one as a dependency. */
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
 * Checks that everything a task depends on exists, and will for as long as the task may wait for it.
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

/** Whether a dependency, as it stands, lets the task go on. */
export function isFulfilled(task: Task, required: Task): boolean {
  const state = stateOf(required);
  return (
    state === 'completed' ||
    (task.requires === 'all-resolved' && (state === 'failed' || state === 'exception'))
  );
}
