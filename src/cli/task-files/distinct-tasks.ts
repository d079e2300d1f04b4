import { isDeepStrictEqual } from 'node:util';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { NewTask } from './read-tasks.ts';

/**
 * Removes tasks that were given more than once.
 *
 * @throws Failure 64 for two definitions with one task id, and for a task that depends on itself
 */
export function distinctTasks(tasks: readonly NewTask[]): NewTask[] {
  const known = new Map<string, NewTask>();
  for (const task of tasks) {
    const { taskId, place, given } = task;
    const before = known.get(taskId);
    if (before && !isDeepStrictEqual(given, before.given)) {
      throw wrong(place, `task ${taskId} is defined differently in ${before.place}`);
    }
    if (!before) known.set(taskId, task);
  }
  for (const task of known.values()) {
    const circle = circleThrough(task, known);
    if (!circle) continue;
    const others = circle.length > 0 ? `, through ${circle.join(', ')}` : '';
    throw wrong(task.place, `task ${task.taskId} depends on itself${others}`);
  }
  return [...known.values()];
}

/** Returns the tasks on the shortest path from a task's dependencies back to the task; undefined if there is none. */
function circleThrough(
  { taskId, definition }: NewTask,
  tasks: ReadonlyMap<string, NewTask>,
): string[] | undefined {
  const ways = new Map<string, string[]>();
  const visit = (dependencies: unknown, path: string[]) => {
    // The queue rejects dependencies of any other type.
    for (const each of Array.isArray(dependencies) ? (dependencies as string[]) : []) {
      if (!ways.has(each)) ways.set(each, path);
    }
  };
  visit(definition.dependencies, []);
  for (const [each, path] of ways) {
    if (each === taskId) return path;
    visit(tasks.get(each)?.definition.dependencies, [...path, each]);
  }
  return undefined;
}

function wrong(place: string, problem: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, `${place}: ${problem}`);
}
