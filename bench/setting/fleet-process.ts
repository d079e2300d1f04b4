// Many workers in one process. Each has its own connections and clients, and none starts processes.
import { tap } from 'rxjs';
import { connect, Secret, type Pulse } from '../../src/pulse/index.ts';
import {
  configDefaults,
  startWorker,
  type RunningWorker,
  type WorkerConfig,
  type WorkerEvent,
} from '../../src/worker/index.ts';
import { simulatedEngine } from './simulated-engine.ts';

/** The options of the process, as JSON in its variable `BENCH_FLEET`. */
export interface FleetOptions {
  readonly rootUrl: string;
  readonly worker: { readonly clientId: string; readonly accessToken: string };
  readonly pulseUrl: string;
  readonly provisionerId: string;
  readonly pool: string;
  /** The prefix of the names of its workers: at most 32 characters. */
  readonly name: string;
  readonly count: number;
  readonly tasksDir: string;
  /** The shortest and the longest duration of a task, in ms. */
  readonly taskMs: readonly [number, number];
  /** Whether the queue is stopped on purpose, so errors are not printed. */
  readonly quiet: boolean;
}

/** The state of the process, sent whenever it has changed. */
export interface FleetMessage {
  /** The number of listening consumers: two for each worker. */
  readonly consuming: number;
  /** The number of notices of pending tasks that were delivered so far. */
  readonly notices: number;
}

const TELL_EVERY_MS = 20;
/** The interval between starts, in ms. A connection costs the broker time, so starting all at once would be slower. */
const START_EVERY_MS = 20;

const options = JSON.parse(process.env.BENCH_FLEET ?? '{}') as FleetOptions;
let consuming = 0;
let notices = 0;
let told = '';

setInterval(() => {
  const message: FleetMessage = { consuming, notices };
  const text = JSON.stringify(message);
  if (text !== told) process.send?.(message);
  told = text;
}, TELL_EVERY_MS);

const [shortestMs, longestMs] = options.taskMs;
const engine = simulatedEngine(() => shortestMs + Math.random() * (longestMs - shortestMs));

for (let index = 0; index < options.count; index++) {
  setTimeout(() => {
    startOne(`${options.name.slice(-32)}-${index}`);
  }, index * START_EVERY_MS);
}
const workers: RunningWorker[] = [];
process.on('message', message => {
  if (message !== 'preempt') return;
  for (const worker of workers) worker.drain('now');
  void Promise.allSettled(workers.map(({ done }) => done)).then(() => process.exit());
});
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());

function startOne(workerId: string): void {
  const accessToken = new Secret(options.worker.accessToken);
  const config: WorkerConfig = {
    ...configDefaults(),
    rootURL: options.rootUrl,
    clientId: options.worker.clientId,
    accessToken,
    provisionerId: options.provisionerId,
    workerType: options.pool,
    workerGroup: 'bench',
    workerId,
    tasksDir: options.tasksDir,
  };
  const pulse = connect({ url: new Secret(options.pulseUrl), connectionName: workerId });
  const worker = startWorker({ config, engines: [engine], version: 'benchmark', pulse: counted(pulse) });
  worker.events$.subscribe(complain);
  workers.push(worker);
}

/** Counts listening consumers and delivered notices. */
function counted(pulse: Pulse): Pulse {
  return {
    ...pulse,
    consume: wanted => {
      let listens = false;
      const change = (now: boolean) => {
        if (now !== listens) consuming += now ? 1 : -1;
        listens = now;
      };
      const onEvent: typeof wanted.onEvent = event => {
        if (event.type === 'consuming') change(true);
        if (event.type === 'interrupted') change(false);
        wanted.onEvent?.(event);
      };
      return pulse.consume({ ...wanted, onEvent }).pipe(
        tap(({ exchange }) => {
          if (exchange.endsWith('/task-pending')) notices += 1;
        }),
      );
    },
  };
}

/** Prints errors. Losing and restoring the connection to Pulse is part of the measurement and is not an error. */
function complain(event: WorkerEvent): void {
  if ('err' in event && !options.quiet) console.error(event.type, event.err);
}
