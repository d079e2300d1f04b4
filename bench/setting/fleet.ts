import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endChild, startNode } from './children.ts';
import { nowMs } from './clock.ts';
import type { FleetMessage, FleetOptions } from './fleet-process.ts';
import { PROVISIONER_ID, type ObservedQueue } from './queue.ts';

/** Many workers with one slot each, in processes that they share. */
export interface Fleet extends AsyncDisposable {
  readonly pool: string;
  readonly count: number;
  /** The number of notices of pending tasks that all of them received so far. */
  readonly notices: number;
  /** Waits until all workers listen to Pulse, or until none of their consumers does, and returns that time. */
  all(state: 'listening' | 'deaf'): Promise<number>;
  /** Tells all workers to stop at once, as spot notices do. Settles when all have ended. */
  preempt(): Promise<void>;
}

export interface FleetSetting {
  readonly queue: Pick<ObservedQueue, 'rootUrl' | 'worker'>;
  readonly pulseUrl: string;
  readonly folder: string;
  readonly newPool: (name: string) => string;
}

export interface FleetSize extends Pick<FleetOptions, 'count' | 'taskMs'> {
  /** The pool, which may have other workers; by default a new one. */
  readonly pool?: string;
  /** Whether to print no errors, because the queue is stopped on purpose. */
  readonly quiet?: boolean;
}

const CONSUMERS_EACH = 2;
const PATIENCE_MS = 600_000;
/** This many connections and timers do not delay a single event loop. */
const MAX_IN_ONE_PROCESS = 1_000;

/** Starts the workers. Settles when all of them listen. */
export async function startFleet(setting: FleetSetting, size: FleetSize): Promise<Fleet> {
  const { count, taskMs, pool = setting.newPool('fleet'), quiet = false } = size;
  const processes = Array.from({ length: Math.ceil(count / MAX_IN_ONE_PROCESS) }, (_, index) =>
    Math.min(MAX_IN_ONE_PROCESS, count - index * MAX_IN_ONE_PROCESS),
  );
  const parts = await Promise.all(
    processes.map(each => startPart(setting, { pool, count: each, taskMs, quiet })),
  );
  const sum = (of: (message: FleetMessage) => number) =>
    parts.reduce((total, { last }) => total + of(last()), 0);
  const fleet: Fleet = {
    pool,
    count,
    get notices() {
      return sum(({ notices }) => notices);
    },
    all: async state => {
      const wanted = state === 'listening' ? count * CONSUMERS_EACH : 0;
      const giveUpMs = nowMs() + PATIENCE_MS;
      for (;;) {
        const consuming = sum(message => message.consuming);
        if (consuming === wanted) return Math.max(...parts.map(({ changedMs }) => changedMs()));
        const ended = parts.find(({ child }) => child.exitCode !== null);
        if (ended) throw new Error(`a fleet ended with exit code ${ended.child.exitCode}`);
        if (nowMs() > giveUpMs) {
          throw new Error(`${consuming} of ${wanted} consumers listen after ${PATIENCE_MS / 1000} s`);
        }
        await sleep(20);
      }
    },
    preempt: async () => {
      await Promise.all(
        parts.map(async ({ child }) => {
          const ended = once(child, 'exit');
          child.send('preempt');
          await ended;
        }),
      );
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(parts.map(({ child }) => endChild(child)));
    },
  };
  await fleet.all('listening');
  return fleet;
}

interface Part {
  readonly child: ChildProcess;
  /** Returns the last message of its process. */
  readonly last: () => FleetMessage;
  /** Returns the time of the last change in the number of its consumers. */
  readonly changedMs: () => number;
}

let parts = 0;

async function startPart(
  { queue, pulseUrl, folder }: FleetSetting,
  { pool, count, taskMs, quiet }: Required<FleetSize>,
): Promise<Part> {
  const name = `${pool}-${++parts}`;
  const tasksDir = join(folder, name);
  await mkdir(tasksDir);
  const options: FleetOptions = {
    rootUrl: queue.rootUrl,
    worker: queue.worker,
    pulseUrl,
    provisionerId: PROVISIONER_ID,
    pool,
    name,
    count,
    tasksDir,
    taskMs,
    quiet,
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
  return { child, last: () => last, changedMs: () => changedMs };
}
