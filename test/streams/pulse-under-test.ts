import { onTestFinished } from 'vitest';
import { queueExchanges, type RunInformation, type TaskStatusStructure } from '../../src/exchanges/index.ts';
import { connect, Secret, type Pulse } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';

export const TASK_ID = 'Wq3cJ8DbQ0eHkZ5uYt1mPA';
export const POOL = { provisionerId: 'proj-example', workerType: 'linux' };
export const TASK_QUEUE_ID = `${POOL.provisionerId}/${POOL.workerType}`;
export const WORKER = { workerGroup: 'rack-1', workerId: 'machine-7' };

/** The in-memory broker with the queue's exchanges, a worker's connection to it, and the queue's own. */
export interface PulseUnderTest {
  readonly broker: MemoryBroker;
  readonly worker: Pulse;
  /** Another connection of the worker's user. */
  connect(namespace?: string): Pulse;
  /** Announces a pending run. */
  pending(run?: Partial<RunInformation>, status?: Partial<TaskStatusStructure>): Promise<void>;
  /** Announces that a run of some worker ended as an exception. */
  exception(run?: Partial<RunInformation>, message?: ExceptionMessage): Promise<void>;
  /** Publishes whatever it is given, as the queue. */
  publish(exchange: string, routingKey: string, body: unknown): Promise<void>;
}

interface ExceptionMessage {
  readonly runId?: number | undefined;
  readonly worker?: { readonly workerGroup: string; readonly workerId: string };
}

export async function startPulse({ exchanges = true } = {}): Promise<PulseUnderTest> {
  const broker = new MemoryBroker();
  if (exchanges) declareExchanges(broker);
  const connectAs = (user: string, namespace?: string): Pulse => {
    const pulse = connect({
      transport: memoryTransport(broker),
      user,
      password: new Secret('secret'),
      backoff: { baseMs: 1, capMs: 5 },
      ...(namespace !== undefined && { namespace }),
    });
    onTestFinished(() => pulse.close(0));
    return pulse;
  };
  const theQueue = connectAs('taskcluster-queue');
  const worker = connectAs('worker');
  await worker.ready();
  const publish: PulseUnderTest['publish'] = (exchange, routingKey, body) =>
    theQueue.publish(exchange, routingKey, body);
  return {
    broker,
    worker,
    connect: namespace => connectAs('worker', namespace),
    publish,
    pending: (run, status) => {
      const body = { version: 1, runId: 0, status: statusWith({ state: 'pending', ...run }, status) };
      return publish(queueExchanges.taskPending.exchange, pendingKey(), body);
    },
    exception: (run, { runId = 0, worker: announced = WORKER } = {}) => {
      const status = statusWith({ state: 'exception', reasonResolved: 'canceled', ...announced, ...run });
      const { exchange, build } = queueExchanges.taskException;
      const key = build({ ...parts(), runId, ...announced });
      return publish(exchange, key, { version: 1, runId, ...announced, status });
    },
  };
}

export function declareExchanges(broker: MemoryBroker): void {
  for (const { exchange } of [queueExchanges.taskPending, queueExchanges.taskException]) {
    broker.declareExchange('taskcluster-queue', exchange);
  }
}

function parts() {
  return { taskId: TASK_ID, runId: 0, ...POOL, schedulerId: 'example', taskGroupId: TASK_ID };
}

export function pendingKey(pool: Partial<typeof POOL> = {}): string {
  return queueExchanges.taskPending.build({ ...parts(), ...pool });
}

/** A task's status with one run. */
export function statusWith(
  run: Partial<RunInformation>,
  status: Partial<TaskStatusStructure> = {},
): TaskStatusStructure {
  return {
    taskId: TASK_ID,
    ...POOL,
    taskQueueId: TASK_QUEUE_ID,
    schedulerId: 'example',
    projectId: 'none',
    taskGroupId: TASK_ID,
    deadline: '2026-11-22T22:18:35.496Z',
    expires: '2026-11-23T22:18:35.496Z',
    retriesLeft: 5,
    state: 'pending',
    runs: [
      {
        runId: 0,
        state: 'pending',
        reasonCreated: 'scheduled',
        scheduled: '2026-11-20T22:18:35.657Z',
        ...run,
      },
    ],
    ...status,
  };
}

/** Lets everything happen that waits for nothing but its turn. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(resolve => {
      setImmediate(resolve);
    });
  }
}
