import { setTimeout as sleep } from 'node:timers/promises';
import type { ObservedQueue } from './queue.ts';

/** The workers that run something at a time, as a part of all. */
const LOAD = 0.5;

/** Creates tasks at random moments, as people push: so many arrive at times that there is more than half of a load. */
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

/** From the answer to each task's createTask to that of the claimWork with it, in ms. */
export async function waitsOf(queue: ObservedQueue, taskIds: readonly string[]): Promise<number[]> {
  return Promise.all(
    taskIds.map(
      async taskId => (await queue.moment('claimed', taskId)) - (await queue.moment('created', taskId)),
    ),
  );
}
