import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endChild, startNode } from './children.ts';
import { nowMs } from './clock.ts';
import type { FleetMessage, FleetOptions } from './fleet-process.ts';
import { PROVISIONER_ID, type ObservedQueue } from './queue.ts';

/** Many workers with one slot each, in a process of their own. */
export interface Fleet extends AsyncDisposable {
  readonly pool: string;
  readonly count: number;
  /** Notices of pending tasks that came to any of them so far. */
  readonly notices: number;
  /** Waits until all of them listen to Pulse, or until not one of their consumers does; returns when it was so. */
  all(state: 'listening' | 'deaf'): Promise<number>;
}

export interface FleetSetting {
  readonly queue: ObservedQueue;
  readonly pulseUrl: string;
  readonly folder: string;
  readonly newPool: (name: string) => string;
}

const CONSUMERS_EACH = 2;
const PATIENCE_MS = 180_000;

/** Starts them; settles when all of them listen. */
export async function startFleet(
  { queue, pulseUrl, folder, newPool }: FleetSetting,
  { count, taskMs }: Pick<FleetOptions, 'count' | 'taskMs'>,
): Promise<Fleet> {
  const pool = newPool('fleet');
  const tasksDir = join(folder, pool);
  await mkdir(tasksDir);
  const options: FleetOptions = {
    rootUrl: queue.rootUrl,
    worker: queue.worker,
    pulseUrl,
    provisionerId: PROVISIONER_ID,
    pool,
    count,
    tasksDir,
    taskMs,
  };
  const script = fileURLToPath(new URL('fleet-process.ts', import.meta.url));
  const child = startNode([script], { BENCH_FLEET: JSON.stringify(options) }, [
    'ignore',
    'inherit',
    'inherit',
    'ipc',
  ]);
  let last: FleetMessage = { consuming: 0, notices: 0 };
  let changedMs = nowMs();
  child.on('message', (message: FleetMessage) => {
    if (message.consuming !== last.consuming) changedMs = nowMs();
    last = message;
  });
  const fleet: Fleet = {
    pool,
    count,
    get notices() {
      return last.notices;
    },
    all: async state => {
      const wanted = state === 'listening' ? count * CONSUMERS_EACH : 0;
      const giveUpMs = nowMs() + PATIENCE_MS;
      while (last.consuming !== wanted) {
        if (child.exitCode !== null) throw new Error(`the fleet ended with exit code ${child.exitCode}`);
        if (nowMs() > giveUpMs) {
          throw new Error(`${last.consuming} of ${wanted} consumers listen after ${PATIENCE_MS / 1000} s`);
        }
        await sleep(20);
      }
      return changedMs;
    },
    [Symbol.asyncDispose]: () => endChild(child),
  };
  await fleet.all('listening');
  return fleet;
}
