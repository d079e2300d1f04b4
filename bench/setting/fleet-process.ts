// Many workers in one process: each has its connections and its clients, and none has processes.
import { tap } from 'rxjs';
import { connect, Secret, type Pulse } from '../../src/pulse/index.ts';
import {
  configDefaults,
  startWorker,
  type RunningWorker,
  type WorkerConfig,
  type WorkerNews,
} from '../../src/worker/index.ts';
import { simulatedEngine } from './simulated-engine.ts';

/** What the process is told, as JSON in its variable `BENCH_FLEET`. */
export interface FleetOptions {
  readonly rootUrl: string;
  readonly worker: { readonly clientId: string; readonly accessToken: string };
  readonly pulseUrl: string;
  readonly provisionerId: string;
  readonly pool: string;
  /** What the names of its workers begin with: at most 32 characters. */
  readonly name: string;
  readonly count: number;
  readonly tasksDir: string;
  /** How long a task takes at least and at most, in ms. */
  readonly taskMs: readonly [number, number];
  /** Whether the queue goes away on purpose, so that nothing need be said of it. */
  readonly quiet: boolean;
}

/** What it tells of itself, each time that it has changed. */
export interface FleetMessage {
  /** The consumers that listen: two for each worker. */
  readonly consuming: number;
  /** Notices of pending tasks that were delivered so far. */
  readonly notices: number;
}

const TELL_EVERY_MS = 20;
/** Connecting takes the broker's time; all at once would only be slower. */
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

/** Counts who listens, and what comes. */
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

/** That Pulse goes away and comes back is what is measured. All else that goes wrong is shown. */
function complain(news: WorkerNews): void {
  if ('err' in news && !options.quiet) console.error(news.type, news.err);
}
