import { setTimeout as sleep } from 'node:timers/promises';
import type { ObservedQueue } from './queue.ts';

/** The fraction of workers that are busy on average. */
const LOAD = 0.5;

/** Creates tasks at random moments, like pushes by people, so that the load is sometimes above one half. */
export async function createAtHalfLoad(
  queue: ObservedQueue,
  { pool, count }: { readonly pool: string; readonly count: number },
  tasks: number,
  [shortestMs, longestMs]: readonly [number, number],
): Promise<string[]> {
  const meanMs = (shortestMs + longestMs) / 2;
  const created: Promise<string>[] = [];
  for (let task = 0; task < tasks; task++) {
    await sleep((-Math.log(1 - Math.random()) * meanMs) / (count * LOAD));
    created.push(queue.createTask(pool, ['true']));
  }
  return Promise.all(created);
}

/**
 * Returns the time from the response to each task's createTask to the response to the claimWork that claimed it, in ms.
 */
export async function waitsOf(queue: ObservedQueue, taskIds: readonly string[]): Promise<number[]> {
  return Promise.all(
    taskIds.map(
      async taskId => (await queue.moment('claimed', taskId)) - (await queue.moment('created', taskId)),
    ),
  );
}
