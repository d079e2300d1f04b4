import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endChild, firstMessage, startNode, startProgram } from './children.ts';
import { nowMs } from './clock.ts';
import type { PhaseMessage } from './phases-process.ts';
import { PROVISIONER_ID, type ObservedQueue } from './queue.ts';
import type { Setting } from './setting.ts';

/**
 * - `tcw` is the published `tcw run`.
 * - `baseline` claims work as generic-worker does, and is otherwise the same.
 * - `bare` makes the calls to the queue and spawns the command, and nothing else.
 * - `phases` is assembled like `tcw run`, and reports each phase of each run.
 */
export type WorkerKind = Contender | 'bare' | 'phases';

/** The workers that are compared. */
export type Contender = 'tcw' | 'baseline';

export interface WorkersOptions {
  readonly count: number;
  readonly capacity: number;
  /** The pool, which may already have tasks; by default a new one. */
  readonly pool?: string;
  /** Further configuration of the workers, as environment variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** A queue other than the setting's. */
  readonly queue?: ObservedQueue;
  /** Called with each phase of a run, for workers of the kind `phases`. */
  readonly onPhase?: (message: PhaseMessage) => void;
}

/** The workers of a pool, each in its own process, all waiting for work. */
export interface Workers extends AsyncDisposable {
  readonly kind: WorkerKind;
  readonly pool: string;
  readonly pids: readonly number[];
  /** The time from the start of each process until it was consuming or polling, in ms. */
  readonly startupMs: readonly number[];
}

const SCRIPTS = {
  bare: [fileURLToPath(new URL('../bare-loop-process.ts', import.meta.url))],
  baseline: [fileURLToPath(new URL('../baseline-process.ts', import.meta.url))],
  phases: [fileURLToPath(new URL('phases-process.ts', import.meta.url))],
} as const satisfies Record<Exclude<WorkerKind, 'tcw'>, readonly string[]>;

export async function startWorkers(
  setting: Setting,
  kind: WorkerKind,
  {
    count,
    capacity,
    pool = setting.newPool(kind),
    queue = setting.queue,
    variables = {},
    onPhase,
  }: WorkersOptions,
): Promise<Workers> {
  const started = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const name = `${pool}-${index}`;
      const tasksDir = join(setting.folder, name);
      await mkdir(tasksDir);
      const worker = await startWorker(kind === 'tcw' ? setting.tcw : SCRIPTS[kind], {
        TCW_ROOT_URL: queue.rootUrl,
        TCW_CLIENT_ID: queue.worker.clientId,
        TCW_ACCESS_TOKEN: queue.worker.accessToken,
        TCW_PROVISIONER_ID: PROVISIONER_ID,
        TCW_WORKER_TYPE: pool,
        TCW_WORKER_GROUP: 'bench',
        TCW_WORKER_ID: name,
        TCW_CAPACITY: String(capacity),
        TCW_TASKS_DIR: tasksDir,
        TCW_PULSE_URL: setting.pulseUrl,
        // If the benchmark is killed, its workers still end.
        TCW_IDLE_TIMEOUT_SECS: '900',
        // The compile cache for code that is only part of the benchmark.
        NODE_COMPILE_CACHE: join(setting.folder, 'cache'),
        ...variables,
      });
      if (onPhase) {
        worker.child.on('message', message => {
          if (typeof message === 'object') onPhase(message as PhaseMessage);
        });
      }
      return worker;
    }),
  );
  return {
    kind,
    pool,
    pids: started.map(({ child }) => child.pid ?? 0),
    startupMs: started.map(({ startupMs }) => startupMs),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map(({ child }) => endChild(child)));
    },
  };
}

/** @param program `tcw`, which is started as a user would, or a script for Node */
async function startWorker(program: string | readonly string[], variables: Readonly<Record<string, string>>) {
  const startedMs = nowMs();
  let child: ChildProcess;
  if (typeof program === 'string') {
    child = startProgram(program, ['run'], variables, ['ignore', 'inherit', 'pipe', 'ignore']);
    await consuming(child);
  } else {
    child = startNode(program, variables, ['ignore', 'inherit', 'inherit', 'ipc']);
    await firstMessage(child, message => (message === 'ready' ? true : undefined));
  }
  return { child, startupMs: nowMs() - startedMs };
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly pulse?: string;
}

/** Waits until `tcw run` logs that it listens to Pulse. Its warnings and errors are printed, now and later. */
async function consuming(child: ChildProcess): Promise<void> {
  if (!child.stderr) throw new Error('the worker has no standard error');
  const lines = createInterface({ input: child.stderr });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  lines.on('line', text => {
    const line = logLine(text);
    if (line?.msg === 'worker listening') {
      if (line.pulse === 'up') resolve(undefined);
      else reject(new Error('tcw run does without Pulse, so there is nothing to measure'));
    } else if (line?.level !== 'info' && line?.level !== 'debug') {
      console.error(`tcw run: ${text}`);
    }
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`tcw run ended with exit code ${String(code)} before it was consuming`);
  });
  await Promise.race([promise, ended]);
}

function logLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
