import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { firstValueFrom, skip } from 'rxjs';
import { binding, connect, handle, namedQueue } from '../../src/pulse/index.ts';
import { nowMs } from '../setting/clock.ts';
import type { Job, JobMessage } from './job.ts';

const LOOK_EVERY = 1_000;

/** Handles messages slowly and measures the reachable heap from time to time. */
export async function handling({
  url,
  queue: { name, exchange, pattern, ...bounds },
  messages,
  handlerMs,
  concurrency,
}: Extract<Job, { type: 'handle' }>): Promise<JobMessage> {
  const beforeMb = aliveMb();
  const startedMs = nowMs();
  const cpu = process.cpuUsage();
  let largestMb = beforeMb;
  let seen = 0;
  const pulse = connect({ url });
  await pulse.ready();
  const handled$ = pulse
    .consume({
      queue: namedQueue(name.split('/').slice(2).join('/'), bounds),
      bindings: [binding(exchange, pattern)],
    })
    .pipe(
      handle(
        async () => {
          await sleep(handlerMs);
          if (++seen % LOOK_EVERY === 0) largestMb = Math.max(largestMb, aliveMb());
        },
        { concurrency },
      ),
    );
  await firstValueFrom(handled$.pipe(skip(messages - 1)));
  const { user, system } = process.cpuUsage(cpu);
  await pulse.close();
  return {
    wallMs: nowMs() - startedMs,
    cpuMs: (user + system) / 1_000,
    waitsMs: [],
    heapGrowthMb: largestMb - beforeMb,
  };
}

/**
 * Returns the reachable memory, including buffers outside of the heap. Uncollected garbage does not count as growth.
 */
function aliveMb(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
