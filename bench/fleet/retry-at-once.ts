import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { busiestSecond } from '../setting/busiest-second.ts';
import { startNode } from '../setting/children.ts';
import { busyFront } from './busy-front.ts';

/**
 * So many workers that have to tell the queue at once that they go, while the queue refuses, and that ask again as soon as they
 * are refused. Only the report is made: it is the least that a worker has to say. All of them share one process of this machine, which
 * asks more slowly than so many machines would.
 *
 * @returns the requests of the busiest second
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
