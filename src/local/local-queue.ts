import type { AddressInfo } from 'node:net';

import { createArtifactStorage } from './storage/artifact-storage.ts';
import { createAuthenticate } from './auth/authenticate.ts';
import type { LocalClient } from './auth/temporary-credentials.ts';
import { systemClock, type Clock } from './clock.ts';
import { addCalls } from './http/api.ts';
import { createCheckInput } from './http/input.ts';
import { createServer } from './http/server.ts';
import type { Publish } from './message.ts';
import { createQueue } from './queue/queue.ts';
import { artifactCalls } from './queue/routes/artifacts.ts';
import { serviceCalls } from './queue/routes/service.ts';
import { addStorage } from './storage/routes.ts';
import { taskGroupCalls } from './queue/routes/task-groups.ts';
import { taskQueueCalls } from './queue/routes/task-queues.ts';
import { taskCalls } from './queue/routes/tasks.ts';
import { workCalls } from './queue/routes/work.ts';
import { isoTime } from './times.ts';

/** All times are in milliseconds. */
export interface LocalQueueOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly publish: Publish;
  /** Who may call. Everybody else may do no more than `anonymousScopes` say. */
  readonly clients: readonly LocalClient[];
  /** What everybody may do. By default: read public artifacts. */
  readonly anonymousScopes?: readonly string[];
  /** How long a claim lasts until it has to be reclaimed: 20 minutes by default. */
  readonly claimTimeoutMs?: number;
  /** How long a `claimWork` waits for work: 20 s by default. */
  readonly longPollMs?: number;
  /** How often the queue looks for work while calls of `claimWork` wait: each 1,000 ms by default. */
  readonly lookAgainMs?: number;
  /** How long after its deadline a task is ended: 1 s by default. The real queue takes 60 to 65 s. */
  readonly deadlineDelayMs?: number;
  /** How long after `takenUntil` a claim is ended: 1 s by default. The real queue takes up to 5 s. */
  readonly claimDelayMs?: number;
  /**
   * How long after the end of a task those that wait for it are scheduled, and its group is resolved: at once by
   * default. The real queue takes up to 5 s.
   */
  readonly dependencyDelayMs?: number;
  readonly clock?: Clock;
  /** Told of what is no caller's fault: a message that can not be published, a bug. */
  readonly onError?: (error: unknown) => void;
}

export interface LocalQueue {
  /** `http://127.0.0.1:` and the port: what clients are given as their root URL. */
  readonly rootUrl: string;
  readonly port: number;
  /** Answers open calls with nothing, and forgets everything. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** What is still going on when the queue is closed, as an upload, may take this long. */
const CLOSING_MS = 1_000;

/**
 * Starts a queue on this machine, behind Taskcluster's HTTP API. It keeps everything in memory, and the content of
 * artifacts in a temporary folder.
 */
export async function startLocalQueue(options: LocalQueueOptions): Promise<LocalQueue> {
  const { clock = systemClock, onError = () => undefined, clients, publish } = options;
  const server = createServer(() => isoTime(clock.now()));
  const port = (): number => (server.server.address() as AddressInfo).port;
  const rootUrl = (): string => `http://${HOST}:${port()}`;
  const queue = createQueue({
    clock,
    publish,
    onError,
    rootUrl,
    claimTimeoutMs: options.claimTimeoutMs ?? 20 * 60_000,
    longPollMs: options.longPollMs ?? 20_000,
    lookAgainMs: options.lookAgainMs ?? 1_000,
    deadlineDelayMs: options.deadlineDelayMs ?? 1_000,
    claimDelayMs: options.claimDelayMs ?? 1_000,
    dependencyDelayMs: options.dependencyDelayMs ?? 0,
  });
  const authenticate = createAuthenticate({
    clients: [...clients, queue.ownClient],
    anonymousScopes: options.anonymousScopes ?? ['queue:get-artifact:public/*'],
    now: () => clock.now(),
  });
  const handlers = {
    ...serviceCalls(),
    ...taskCalls(queue),
    ...taskGroupCalls(queue),
    ...workCalls(queue),
    ...artifactCalls(queue),
    ...taskQueueCalls(queue),
  };
  addCalls(server, handlers, { authenticate, checkInput: createCheckInput(rootUrl), clock, onError });
  const storage = await createArtifactStorage();
  addStorage(server, { storage, urls: queue.urls, clock });
  try {
    await server.listen({ host: HOST, port: options.port ?? 0 });
  } catch (error) {
    await storage.close();
    throw error;
  }
  return {
    rootUrl: rootUrl(),
    port: port(),
    async close() {
      queue.close();
      const hurry = setTimeout(() => server.server.closeAllConnections(), CLOSING_MS);
      await server.close();
      clearTimeout(hurry);
      await storage.close();
    },
  };
}
