import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startProgram } from '../bench/setting/children.ts';
import { faultProxy, type FaultProxy } from '../test/harness/fault-proxy.ts';
import { queueFaultProxy, type QueueFaultProxy } from '../test/harness/queue-fault-proxy.ts';

const TCW = fileURLToPath(new URL('../bin/tcw.js', import.meta.url));

/** One `tcw run` that reaches the broker and the queue only through its own proxies. */
export interface SoakWorker {
  readonly name: string;
  readonly capacity: number;
  readonly pulse: FaultProxy;
  readonly queue: QueueFaultProxy;
  readonly tasksDir: string;
  /** The worker's `TMPDIR`. */
  readonly temporary: string;
  readonly pid: number;
  /** The number of its active runs. */
  readonly active: number;
  /** The time of the last claim in its log, on the clock of `performance.now()`. */
  readonly claimedMs: number;
  /** Settles when the worker first listens. */
  readonly listening: Promise<void>;
  /** Settles with the exit code, or the signal that killed the worker. */
  readonly exited: Promise<number | string>;
  /** Its logged warnings and errors, with their numbers. */
  readonly complaints: ReadonlyMap<string, number>;
  signal(name: 'SIGINT' | 'SIGTERM'): void;
  close(): Promise<void>;
}

export interface SoakWorkerOptions {
  readonly name: string;
  readonly capacity: number;
  readonly folder: string;
  readonly pulseUrl: string;
  readonly rootUrl: string;
  readonly workerType: string;
  readonly provisionerId: string;
  readonly clientId: string;
  readonly accessToken: string;
}

export async function startSoakWorker(options: SoakWorkerOptions): Promise<SoakWorker> {
  const { name, capacity, folder } = options;
  const pulseUrl = new URL(options.pulseUrl);
  const pulse = await faultProxy({ host: pulseUrl.hostname, port: Number(pulseUrl.port || 5672) });
  pulseUrl.hostname = '127.0.0.1';
  pulseUrl.port = String(pulse.port);
  const queue = await queueFaultProxy(options.rootUrl);
  const tasksDir = join(folder, name, 'tasks');
  const temporary = join(folder, name, 'tmp');
  await mkdir(tasksDir, { recursive: true });
  await mkdir(temporary, { recursive: true });
  const child = startProgram(
    TCW,
    ['run'],
    {
      TCW_ROOT_URL: queue.rootUrl,
      TCW_CLIENT_ID: options.clientId,
      TCW_ACCESS_TOKEN: options.accessToken,
      TCW_PROVISIONER_ID: options.provisionerId,
      TCW_WORKER_TYPE: options.workerType,
      TCW_WORKER_GROUP: 'soak',
      TCW_WORKER_ID: name,
      TCW_CAPACITY: String(capacity),
      TCW_TASKS_DIR: tasksDir,
      TCW_PULSE_URL: pulseUrl.href,
      TCW_LOG_LEVEL: 'debug',
      // If the soak is killed, its workers still end.
      TCW_IDLE_TIMEOUT_SECS: '900',
      TMPDIR: temporary,
    },
    ['ignore', 'inherit', 'pipe', 'ignore'],
  );
  const heard = listenTo(child);
  return {
    name,
    capacity,
    pulse,
    queue,
    tasksDir,
    temporary,
    pid: child.pid ?? 0,
    get active() {
      return heard.active.size;
    },
    get claimedMs() {
      return heard.claimedMs;
    },
    complaints: heard.complaints,
    listening: heard.listening,
    exited: heard.exited,
    signal: signal => void child.kill(signal),
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await heard.exited;
      await Promise.all([pulse.close(), queue.close()]);
    },
  };
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly taskId?: string;
  readonly runId?: number;
  readonly phase?: string;
}

/** Follows the state of a worker through its log. */
function listenTo(child: ChildProcess) {
  const heard = { active: new Set<string>(), claimedMs: 0, complaints: new Map<string, number>() };
  const { promise: listening, resolve: listens, reject: neverListens } = Promise.withResolvers<void>();
  listening.catch(() => undefined);
  const complain = (text: string) => heard.complaints.set(text, (heard.complaints.get(text) ?? 0) + 1);
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', text => {
      const line = logLine(text);
      if (!line) {
        complain(`error: ${text}`);
        return;
      }
      const run = `${line.taskId}/${line.runId}`;
      if (line.msg === 'worker listening') listens();
      if (line.msg === 'claimed') {
        heard.active.add(run);
        heard.claimedMs = performance.now();
      }
      if (line.msg === 'run' && line.phase === 'resolved') heard.active.delete(run);
      if (line.level === 'warn' || line.level === 'error') complain(`${line.level}: ${line.msg}`);
    });
  }
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  void exited.then(how => {
    neverListens(new Error(`a worker ended (${how}) before it listened`));
  });
  return Object.assign(heard, { listening, exited });
}

function logLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
