import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { busiestSecond } from '../setting/busiest-second.ts';
import { startNode } from '../setting/children.ts';
import { busyFront } from './busy-front.ts';

/**
 * Simulates workers that must all report to the queue at the same time that they are stopping. The queue refuses, and
 * they retry as soon as they are refused. Each makes only the report, which is the minimum for a worker. All workers
 * share one process on this machine, which sends requests more slowly than as many machines would.
 *
 * @returns the number of requests in the busiest second
 */
export async function retryAtOnce(workers: number, refusedMs: number): Promise<number> {
  await using front = await busyFront();
  front.refuseFor(refusedMs);
  const script = fileURLToPath(new URL('retry-at-once-process.ts', import.meta.url));
  const child = startNode([script, front.rootUrl, String(workers)], {}, ['ignore', 'inherit', 'inherit']);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the workers that retry at once ended with exit code ${code}`);
  return busiestSecond(front.times);
}
