import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, ReplaySubject } from 'rxjs';
import taskcluster from 'taskcluster-client';
import { logEvent } from '../../src/cli/run/worker-log.ts';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { startLocalQueue, type LocalQueueOptions } from '../../src/local/index.ts';
import { Secret, type Pulse } from '../../src/pulse/index.ts';
import {
  connectQueue,
  type CreateTaskRequest,
  type Queue,
  type TaskStatusStructure,
} from '../../src/taskcluster/index.ts';
import type { Shutdown } from '../../src/streams/index.ts';
import {
  configDefaults,
  nativeEngine,
  startWorker,
  type Engine,
  FEATURES,
  type ExitReason,
  type FeatureModule,
  type WorkerConfig,
  type WorkerEvent,
} from '../../src/worker/index.ts';
import { memoryTestBroker } from './test-broker.ts';
import type { LogFields } from '../../src/cli/output/logger.ts';
import { PATIENCE_MS } from '../patience.ts';

const PROVISIONER = 'test';

type Message = Parameters<LocalQueueOptions['publish']>[0];

const same = <T>(thing: T): T => thing;

/** The calls of taskcluster-client that a user in these tests makes. The package has no types. */
interface UserCalls {
  createTask(taskId: string, definition: object): Promise<unknown>;
  cancelTask(taskId: string): Promise<unknown>;
  quarantineWorker(
    provisionerId: string,
    workerType: string,
    workerGroup: string,
    workerId: string,
    quarantine: { quarantineUntil: string },
  ): Promise<unknown>;
  status(taskId: string): Promise<{ status: TaskStatusStructure }>;
  listArtifacts(
    taskId: string,
    runId: string,
  ): Promise<{ artifacts: Awaited<ReturnType<Deployment['artifacts']>> }>;
  artifact(taskId: string, runId: string, name: string): Promise<{ url: string }>;
}

/** A small Taskcluster deployment for one test: the embedded queue and a broker. */
export interface Deployment {
  readonly rootUrl: string;
  /** Taskcluster's environment variables for a user with all scopes. */
  readonly userEnvironment: Readonly<Record<string, string>>;
  /** Connects to the broker as the user of a worker. */
  connectPulse(): Pulse;
  /** Breaks every connection to the broker. */
  cutPulse(): Promise<void>;
  /** Publishes all messages of one kind about a task again, because delivery is at least once. */
  repeat(exchange: string, taskId: string): Promise<void>;
  /** Makes the broker unreachable for workers until `findPulse`. */
  losePulse(): Promise<void>;
  findPulse(): void;
  createTask(payload: object, definition?: Partial<CreateTaskRequest>, taskId?: string): Promise<string>;
  cancelTask(taskId: string): Promise<void>;
  /** Quarantines a worker until a time, in ms since the epoch. */
  quarantine(workerId: string, untilMs: number): Promise<void>;
  status(taskId: string): Promise<TaskStatusStructure>;
  /** Waits until the task is in a final state. */
  resolved(taskId: string): Promise<TaskStatusStructure>;
  /** Waits until a run of the task has the given state. */
  running(taskId: string, runId?: number): Promise<void>;
  artifacts(
    taskId: string,
    runId?: number,
  ): Promise<{ name: string; storageType: string; contentType: string }[]>;
  artifact(taskId: string, name: string, runId?: number): Promise<Buffer>;
  /** The target of an artifact that is a reference. */
  location(taskId: string, name: string): Promise<string>;
  log(taskId: string, runId?: number): Promise<string>;
  startWorker(config?: Partial<WorkerConfig>, options?: WorkerOptions): Promise<RunningWorker>;
  close(): Promise<void>;
}

export interface WorkerOptions {
  /** Whether the worker uses Pulse instead of polling. Default: as the deployment's `Way`. */
  readonly pulse?: boolean;
  /** Wraps the queue, to observe the worker's calls. */
  readonly watch?: (queue: Queue) => Queue;
  /** The features for tasks. Default: all of tcw's. */
  readonly features?: readonly FeatureModule[];
  /** Wraps the engine, to do something at a moment of a run. */
  readonly wrap?: (engine: Engine) => Engine;
}

export interface RunningWorker {
  readonly events: readonly WorkerEvent[];
  readonly logged: readonly { fields: LogFields; message: string }[];
  readonly tasksDir: string;
  shutdown(how: Shutdown): void;
  /** Resolves to the reason of the worker's exit. */
  readonly ended: Promise<ExitReason>;
}

/** How a deployment's workers learn of new work and of the end of runs. */
export type Way = 'with Pulse' | 'polling' | 'with Pulse lost at each claim and found again';

/** Long enough for a worker to begin to poll. */
const LOST_MS = 2_500;

export async function deployment(
  options: Partial<LocalQueueOptions> = {},
  broker = memoryTestBroker(),
  way: Way = 'with Pulse',
): Promise<Deployment> {
  const workerType = `w${randomUUID().slice(0, 8)}`;
  const taskQueueId = `${PROVISIONER}/${workerType}`;
  const owner = broker.connectOwner();
  for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
  const secret = (name: string) => new Secret(`token-of-${name}-${randomUUID()}`);
  const user = { clientId: 'test/user', accessToken: secret('user'), scopes: ['*'] };
  const workerAccount = {
    clientId: 'test/worker',
    accessToken: secret('worker'),
    scopes: [
      `queue:claim-work:${taskQueueId}`,
      'queue:worker-id:*',
      `queue:pending-count:${taskQueueId}`,
      'queue:status:*',
      `queue:get-worker:${taskQueueId}/*`,
      'auth:websocktunnel-token:tests/here.*',
    ],
  };
  const published: Message[] = [];
  const publish = ({ exchange, routingKey, routes, body }: Message) =>
    owner.publish(exchange, routingKey, body, { routes });
  const local = await startLocalQueue({
    publish: message => {
      published.push(message);
      return publish(message);
    },
    clients: [user, workerAccount],
    longPollMs: 1_000,
    checkIntervalMs: 50,
    ...options,
  });
  const { rootUrl } = local;
  const client = new taskcluster.Queue({
    rootUrl,
    credentials: { clientId: user.clientId, accessToken: user.accessToken.reveal() },
    retries: 0,
  }) as unknown as UserCalls;
  const engine = await nativeEngine();
  const pulses: Pulse[] = [];
  const workers: RunningWorker[] = [];
  const folders: string[] = [];
  let finding: NodeJS.Timeout | undefined;
  const find = () => {
    clearTimeout(finding);
    finding = undefined;
    broker.find();
  };
  const loseForAWhile = () => {
    if (finding) return;
    finding = setTimeout(find, LOST_MS);
    void broker.lose();
  };

  const connectPulse = () => {
    const pulse = broker.connectWorker();
    pulses.push(pulse);
    return pulse;
  };
  const status = async (taskId: string) => (await client.status(taskId)).status;
  const until = async <T>(look: () => Promise<T | undefined>, timeoutMs = PATIENCE_MS): Promise<T> => {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (performance.now() > end) throw new Error('waited too long');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const fetched = async (url: string) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };

  return {
    rootUrl,
    userEnvironment: {
      TASKCLUSTER_ROOT_URL: rootUrl,
      TASKCLUSTER_CLIENT_ID: user.clientId,
      TASKCLUSTER_ACCESS_TOKEN: user.accessToken.reveal(),
    },
    connectPulse,
    repeat: async (exchange, taskId) => {
      const again = published.filter(
        message => message.exchange.endsWith(exchange) && message.routingKey.includes(taskId),
      );
      for (const message of again) await publish(message);
    },
    cutPulse: () => broker.cut(),
    losePulse: () => broker.lose(),
    findPulse: () => {
      broker.find();
    },
    createTask: async (payload, definition = {}, taskId = taskcluster.slugid()) => {
      const now = new Date();
      await client.createTask(taskId, {
        taskQueueId,
        schedulerId: 'test',
        created: now.toJSON(),
        deadline: taskcluster.fromNow('1 hour', now).toJSON(),
        metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
        payload: { maxRunTime: 60, ...payload },
        ...definition,
      });
      return taskId;
    },
    quarantine: async (workerId, untilMs) => {
      const quarantineUntil = new Date(untilMs).toJSON();
      await client.quarantineWorker(PROVISIONER, workerType, 'here', workerId, { quarantineUntil });
    },
    cancelTask: async taskId => void (await client.cancelTask(taskId)),
    status,
    resolved: taskId =>
      until(async () => {
        const seen = await status(taskId);
        return ['completed', 'failed', 'exception'].includes(seen.state) ? seen : undefined;
      }),
    running: async (taskId, runId = 0) => {
      await until(async () => ((await status(taskId)).runs[runId]?.state === 'running' ? true : undefined));
    },
    artifacts: async (taskId, runId = 0) => (await client.listArtifacts(taskId, String(runId))).artifacts,
    artifact: async (taskId, name, runId = 0) => {
      const content = await client.artifact(taskId, String(runId), name);
      return fetched(content.url);
    },
    location: async (taskId, name) => (await client.artifact(taskId, '0', name)).url,
    log: async (taskId, runId = 0) => {
      const content = await client.artifact(taskId, String(runId), 'public/logs/live_backing.log');
      // fetch undoes the content encoding. Tests for which the encoding matters check it themselves.
      return (await fetched(content.url)).toString();
    },
    startWorker: async (
      config = {},
      { pulse = way !== 'polling', watch = same, wrap = same, features = FEATURES } = {},
    ) => {
      const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
      folders.push(folder);
      // In a separate folder for each worker, because a worker also writes beside tasksDir.
      const tasksDir = join(folder, 'tasks');
      await mkdir(tasksDir);
      const whole: WorkerConfig = {
        ...configDefaults(),
        rootURL: rootUrl,
        clientId: workerAccount.clientId,
        accessToken: workerAccount.accessToken,
        provisionerId: PROVISIONER,
        workerType,
        workerGroup: 'here',
        workerId: `w-${randomUUID().slice(0, 8)}`,
        tasksDir,
        cachesDir: `${tasksDir}/.caches`,
        downloadsDir: `${tasksDir}/.downloads`,
        killGraceSecs: 2,
        // Tests also run on machines with small disks.
        requiredDiskSpaceMegabytes: 1,
        ...config,
      };
      const { rootURL, workerGroup, workerId } = whole;
      const queue = connectQueue({
        rootUrl: rootURL,
        credentials: workerAccount,
        taskQueueId,
        workerGroup,
        workerId,
      });
      const logged: { fields: LogFields; message: string }[] = [];
      const keep = (fields: LogFields, message: string) => void logged.push({ fields, message });
      const logger = { debug: keep, info: keep, warn: keep, error: keep };
      const events: WorkerEvent[] = [];
      const events$ = new ReplaySubject<WorkerEvent>();
      events$.subscribe(item => {
        events.push(item);
        logEvent(item, logger);
        const isClaim = item.type === 'run' && item.state.phase === 'claimed' && !item.state.stop;
        if (isClaim && way === 'with Pulse lost at each claim and found again') loseForAWhile();
      });
      const running = startWorker({
        config: whole,
        queue: watch(queue),
        // The worker itself chooses any other engine.
        ...((whole.engine ?? 'native') === 'native' && { engines: [wrap(engine)] }),
        pulse: pulse ? connectPulse() : undefined,
        features,
        version: 'test',
        // Without jitter, so that tests need not wait.
        random: () => 0,
      });
      running.events$.subscribe(events$);
      const worker: RunningWorker = {
        events,
        logged,
        tasksDir,
        shutdown: how => {
          running.drain(how);
        },
        ended: running.done,
      };
      workers.push(worker);
      await firstValueFrom(
        events$.pipe(filter(item => item.type === 'worker' && item.state.pulse === (pulse ? 'up' : 'down'))),
      );
      return worker;
    },
    close: async () => {
      find();
      for (const worker of workers) worker.shutdown('now');
      await Promise.all(workers.map(({ ended }) => ended));
      await Promise.all([...pulses.map(pulse => pulse.close(200)), owner.close(200)]);
      await local.close();
      await broker.close();
      await Promise.all(folders.map(folder => rm(folder, { recursive: true, force: true })));
    },
  };
}

/** A payload's command that runs a script in a POSIX shell. */
export function sh(script: string): { command: string[][] } {
  return { command: [['sh', '-c', script]] };
}
