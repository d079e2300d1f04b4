import { isDeepStrictEqual } from 'node:util';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { DevTask } from './task-files.ts';

/**
 * The tasks, each once, however often it was given: it ends only once.
 *
 * @throws Failure for two tasks with one id, and for one that waits for itself until its deadline
 */
export function distinctTasks(tasks: readonly DevTask[]): DevTask[] {
  const known = new Map<string, DevTask>();
  for (const task of tasks) {
    const { taskId, place, given } = task;
    const before = known.get(taskId);
    if (before && !isDeepStrictEqual(given, before.given)) {
      throw wrong(place, `task ${taskId} is defined otherwise in ${before.place}`);
    }
    if (!before) known.set(taskId, task);
  }
  for (const task of known.values()) {
    const circle = circleThrough(task, known);
    if (!circle) continue;
    const others = circle.length > 0 ? `, by way of ${circle.join(', ')}` : '';
    throw wrong(task.place, `task ${task.taskId} waits for itself${others}`);
  }
  return [...known.values()];
}

/** The tasks on the shortest way from a task's dependencies back to itself; undefined when there is none. */
function circleThrough(
  { taskId, definition }: DevTask,
  tasks: ReadonlyMap<string, DevTask>,
): string[] | undefined {
  const ways = new Map<string, string[]>();
  const visit = (dependencies: unknown, way: string[]) => {
    // What else may be there, the queue refuses.
    for (const each of Array.isArray(dependencies) ? (dependencies as string[]) : []) {
      if (!ways.has(each)) ways.set(each, way);
    }
  };
  visit(definition.dependencies, []);
  for (const [each, way] of ways) {
    if (each === taskId) return way;
    visit(tasks.get(each)?.definition.dependencies, [...way, each]);
  }
  return undefined;
}

function wrong(place: string, problem: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, `${place}: ${problem}`);
}
