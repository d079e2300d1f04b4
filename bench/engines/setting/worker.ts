import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import taskcluster from 'taskcluster-client';
import { queueExchanges } from '../../../src/exchanges/index.ts';
import { startLocalQueue } from '../../../src/local/index.ts';
import { connect, Secret } from '../../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../../src/pulse/testing.ts';
import { connectQueue } from '../../../src/taskcluster/index.ts';
import type { Engine, Sandbox } from '../../../src/worker/engines/engine.ts';
import { configDefaults, featuresOfOneSession, startWorker } from '../../../src/worker/index.ts';
import type { RunState } from '../../../src/worker/run/run-state.ts';
import { nowMs } from '../../setting/clock.ts';
import { definitionOf } from '../../setting/queue.ts';

/** A worker with one engine, its queue and its broker, all in this process. Times are on the clock of `nowMs`. */
export interface BenchWorker extends AsyncDisposable {
  createTask(payload: object): Promise<string>;
  cancelTask(taskId: string): Promise<void>;
  /**
   * Waits for a run to reach a phase, and returns that time. `resolved` means that its container and its folder are
   * gone.
   */
  phaseMs(taskId: string, phase: RunState['phase']): Promise<number>;
  /** Waits for the first output of a run's command to reach the worker, and returns that time. */
  firstOutputMs(taskId: string): Promise<number>;
}

const POOL = { provisionerId: 'tcw-bench', workerType: 'engines' };
const TASK_QUEUE_ID = `${POOL.provisionerId}/${POOL.workerType}`;

export interface BenchWorkerOptions {
  /** Created if it does not exist. */
  readonly tasksDir: string;
  /** Called with each piece of each task's log. */
  readonly onLog?: (taskId: string, chunk: Buffer) => void;
}

/** @param engine the engine, which the worker closes at its end */
export async function startBenchWorker(
  engine: Engine,
  { tasksDir, onLog = () => undefined }: BenchWorkerOptions,
): Promise<BenchWorker> {
  await using stack = new AsyncDisposableStack();
  await mkdir(tasksDir, { recursive: true });
  const transport = memoryTransport(new MemoryBroker());
  const owner = connect({ transport, user: 'taskcluster-queue' });
  stack.defer(() => owner.close(200));
  for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
  const account = (name: string, scopes: readonly string[]) => ({
    clientId: `bench/${name}`,
    accessToken: new Secret(randomUUID()),
    scopes: [...scopes],
  });
  const user = account('user', ['*']);
  const workerAccount = account('worker', ['queue:*']);
  const local = await startLocalQueue({
    publish: ({ exchange, routingKey, routes, body }) =>
      owner.publish(exchange, routingKey, body, { routes }),
    clients: [user, workerAccount],
  });
  stack.defer(() => local.close());
  const { rootUrl } = local;
  const client = new taskcluster.Queue({
    rootUrl,
    credentials: { clientId: user.clientId, accessToken: user.accessToken.reveal() },
    retries: 0,
  });
  const moments = momentsOfTasks();
  const config = {
    ...configDefaults(),
    ...POOL,
    rootURL: rootUrl,
    clientId: workerAccount.clientId,
    accessToken: workerAccount.accessToken,
    workerGroup: 'bench',
    workerId: 'engines',
    capacity: 1,
    tasksDir,
    cachesDir: `${tasksDir}/.caches`,
    downloadsDir: `${tasksDir}/.downloads`,
    requiredDiskSpaceMegabytes: 1,
  };
  const pulse = connect({ transport, user: 'workers' });
  stack.defer(() => pulse.close(200));
  const worker = startWorker({
    config,
    version: 'benchmark',
    queue: connectQueue({
      rootUrl,
      credentials: workerAccount,
      taskQueueId: TASK_QUEUE_ID,
      workerGroup: config.workerGroup,
      workerId: config.workerId,
    }),
    pulse,
    engines: [monitorQueue(engine, (taskId, atMs) => moments.of(taskId, 'output').resolve(atMs))],
    features: featuresOfOneSession(),
    onLog: ({ taskId }, chunk) => {
      onLog(taskId, chunk);
    },
  });
  stack.defer(async () => {
    worker.drain('now');
    await worker.done;
  });
  const listening = Promise.withResolvers<undefined>();
  worker.done.catch(listening.reject);
  worker.events$.subscribe(event => {
    const atMs = nowMs();
    if (event.type === 'worker' && event.state.pulse === 'up') listening.resolve(undefined);
    if (event.type !== 'run') return;
    const { claim, state } = event;
    moments.of(claim.taskId, state.phase).resolve(atMs);
    if (state.phase === 'resolved' && state.outcome !== undefined && state.outcome.result !== 'completed')
      console.error(`bench:engines: task ${claim.taskId}: ${JSON.stringify(state.outcome)}`);
  });
  await listening.promise;
  const parts = stack.move();
  return {
    createTask: async payload => {
      const taskId = taskcluster.slugid();
      await client.createTask?.(taskId, definitionOf(TASK_QUEUE_ID, payload));
      return taskId;
    },
    cancelTask: async taskId => void (await client.cancelTask?.(taskId)),
    phaseMs: (taskId, phase) => moments.of(taskId, phase).promise,
    firstOutputMs: taskId => moments.of(taskId, 'output').promise,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** The benchmark fails if an awaited event does not happen within this time, in ms. */
const PATIENCE_MS = 120_000;

function momentsOfTasks() {
  const moments = new Map<string, PromiseWithResolvers<number>>();
  return {
    of: (taskId: string, moment: RunState['phase'] | 'output'): PromiseWithResolvers<number> => {
      const key = `${taskId} ${moment}`;
      const known = moments.get(key);
      if (known) return known;
      const made = Promise.withResolvers<number>();
      moments.set(key, made);
      const timer = setTimeout(() => {
        made.reject(new Error(`task ${taskId} has not come to "${moment}" within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      made.promise.catch(() => undefined).finally(() => clearTimeout(timer));
      return made;
    },
  };
}

/** Wraps an engine so that it reports the time of the first output of each task's command. */
function monitorQueue(engine: Engine, onFirst: (taskId: string, atMs: number) => void): Engine {
  const open: Engine['open'] = async options => {
    const sandbox = await engine.open(options);
    const run: Sandbox['run'] = command => {
      const tell = () => {
        onFirst(command.env.TASK_ID ?? '', nowMs());
      };
      tellOfFirst(command.output as Writable, tell);
      return sandbox.run(command);
    };
    return new Proxy(sandbox, { get: (of, name) => (name === 'run' ? run : bound(of, name)) });
  };
  return new Proxy(engine, { get: (of, name) => (name === 'open' ? open : bound(of, name)) });
}

function bound(of: object, name: string | symbol): unknown {
  const value = Reflect.get(of, name, of) as unknown;
  return typeof value === 'function' ? value.bind(of) : value;
}

function tellOfFirst(output: Writable, tell: () => void): void {
  const write = output.write.bind(output);
  output.write = ((...words: Parameters<Writable['write']>) => {
    output.write = write;
    tell();
    return write(...words);
  }) as Writable['write'];
}

/** Returns a new folder for the tasks of a worker. */
export function newTasksDir(folder: string): string {
  return join(folder, `worker-${randomUUID().slice(0, 8)}`);
}
