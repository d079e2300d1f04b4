import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import taskcluster from 'taskcluster-client';
import { endChild, firstMessage, startNode } from './children.ts';
import type { ObservedCall, QueueProcessMessage, QueueProcessOptions } from './observed-call.ts';

/**
 * The events of a task: its createTask was received and answered, the claimWork that claimed it was answered, and its
 * report was answered.
 */
export type Moment = 'requested' | 'created' | 'claimed' | 'completed';

/** The embedded queue, for code that controls and observes it. */
export interface ObservedQueue extends AsyncDisposable {
  readonly rootUrl: string;
  /** The client for workers, which may claim work of every pool. */
  readonly worker: { readonly clientId: string; readonly accessToken: string };
  /** Creates a task that runs one command. Returns its id when the queue has answered. */
  createTask(pool: string, command: readonly string[]): Promise<string>;
  cancelTask(taskId: string): Promise<void>;
  /** Waits for an event of a task, and returns its time on the clock of `nowMs`. */
  moment(moment: Moment, taskId: string): Promise<number>;
  /** Returns the calls so far whose path begins with this text. */
  calls(path: string): readonly ObservedCall[];
}

// By default, taskcluster-client opens a connection for each call.
taskcluster.agents.http = new http.Agent({ keepAlive: true, timeout: 4_000 });

/** Longer than any measured event takes, even with the baseline. */
const PATIENCE_MS = 120_000;
export const PROVISIONER_ID = 'tcw-bench';

/** @param pool a worker type of the benchmark's provisioner */
export function taskQueueIdOf(pool: string): string {
  return `${PROVISIONER_ID}/${pool}`;
}

export interface QueueOptions {
  readonly claimTimeoutMs?: number;
  /**
   * Whether runs are given back on purpose, so that a task may still complete after a run that ended as an exception.
   */
  readonly retried?: boolean;
}

/** Starts the queue in its own process, so that it shares no event loop with a worker or with the benchmark. */
export async function startQueue(
  queuePulseUrl: string,
  { claimTimeoutMs, retried = false }: QueueOptions = {},
): Promise<ObservedQueue> {
  const user = { clientId: 'bench/user', accessToken: randomBytes(33).toString('base64url'), scopes: ['*'] };
  const worker = {
    clientId: 'bench/worker',
    accessToken: randomBytes(33).toString('base64url'),
    scopes: ['queue:claim-work:*', 'queue:worker-id:*', 'queue:pending-count:*', 'queue:status:*'],
  };
  const options: QueueProcessOptions = { queuePulseUrl, clients: [user, worker], claimTimeoutMs };
  const script = fileURLToPath(new URL('queue-process.ts', import.meta.url));
  const child = startNode([script], { BENCH_QUEUE: JSON.stringify(options) }, [
    'ignore',
    'inherit',
    'inherit',
    'ipc',
  ]);
  const observed: ObservedCall[] = [];
  const moments = new Map<string, PromiseWithResolvers<number>>();
  const momentOf = (moment: Moment, taskId: string) => {
    const key = `${moment} ${taskId}`;
    const known = moments.get(key) ?? Promise.withResolvers<number>();
    moments.set(key, known);
    return known;
  };
  child.on('message', (message: QueueProcessMessage) => {
    if (message.type !== 'call') return;
    observed.push(message.call);
    note(message.call, momentOf, retried);
  });
  const rootUrl = await firstMessage(child, message => {
    const told = message as QueueProcessMessage;
    return told.type === 'listening' ? told.rootUrl : undefined;
  });
  const client = new taskcluster.Queue({ rootUrl, credentials: user, retries: 0 });

  return {
    rootUrl,
    worker,
    createTask: async (pool, command) => {
      const taskId = taskcluster.slugid();
      await client.createTask?.(taskId, definitionOf(taskQueueIdOf(pool), { command: [command] }));
      return taskId;
    },
    cancelTask: async taskId => void (await client.cancelTask?.(taskId)),
    moment: async (moment, taskId) => {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        late.reject(new Error(`task ${taskId} was not ${moment} within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      try {
        return await Promise.race([momentOf(moment, taskId).promise, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    calls: path => observed.filter(call => call.path.startsWith(path)),
    [Symbol.asyncDispose]: () => endChild(child),
  };
}

function note(
  { method, path, statusCode, startedMs, answeredMs, claimed }: ObservedCall,
  momentOf: (moment: Moment, taskId: string) => PromiseWithResolvers<number>,
  retried: boolean,
): void {
  if (answeredMs === null || statusCode !== 200) return;
  for (const taskId of claimed) momentOf('claimed', taskId).resolve(answeredMs);
  const [, taskId = '', run = '', last = ''] =
    /^\/task\/([\w-]{22})(\/runs\/\d+)?(?:\/(\w+))?$/.exec(path) ?? [];

  if (method === 'PUT' && run === '') {
    momentOf('requested', taskId).resolve(startedMs);
    momentOf('created', taskId).resolve(answeredMs);
  }
  if (run !== '' && last === 'completed') momentOf('completed', taskId).resolve(answeredMs);
  if (run !== '' && (last === 'failed' || (last === 'exception' && !retried))) {
    momentOf('completed', taskId).reject(new Error(`task ${taskId} was reported as ${last}`));
  }
}

/** Returns the definition of a task of the benchmark. */
export function definitionOf(taskQueueId: string, payload: object) {
  const now = new Date();
  return {
    taskQueueId,
    schedulerId: 'tcw-bench',
    created: now.toJSON(),
    deadline: taskcluster.fromNow('1 day', now).toJSON(),
    metadata: {
      name: 'benchmark',
      description: 'a task of the benchmark',
      owner: 'bench@localhost',
      source: 'https://localhost/tcw-bench',
    },
    payload: { maxRunTime: 600, ...payload },
  };
}
