import type { Secret } from '../base/index.ts';
import type { AddressInfo } from 'node:net';

import { authService } from './auth/auth-service.ts';
import { createAuthenticate } from './auth/authenticate.ts';
import { createExpandScopes, type Roles } from './auth/roles.ts';
import { createServiceClient } from './auth/service-client.ts';
import type { LocalClient } from './auth/temporary-credentials.ts';
import { systemClock, type Clock } from './clock.ts';
import { addService } from './http/api.ts';
import { createCheckInput } from './http/input.ts';
import { createServer } from './http/server.ts';
import { createArtifactUrls } from './index-service/artifact-urls.ts';
import { indexByRoute } from './index-service/index-by-route.ts';
import { indexService } from './index-service/index-service.ts';
import { createTaskIndex } from './index-service/task-index.ts';
import type { Publish } from './message.ts';
import { objectService } from './object/object-service.ts';
import { createObjectTable } from './object/object-table.ts';
import { purgeCacheService } from './purge-cache/purge-cache-service.ts';
import { queueService } from './queue/queue-service.ts';
import { createQueue } from './queue/queue.ts';
import { secretsService } from './secrets/secrets-service.ts';
import { createArtifactStorage } from './storage/artifact-storage.ts';
import { addStorage } from './storage/routes.ts';
import { createSignedUrls } from './storage/signed-urls.ts';
import { isoTime } from './times.ts';
import { removeWorker } from './queue/operations/remove-worker.ts';
import type { LocalCloud } from './worker-manager/identity-proofs.ts';
import type { WorkerName } from './worker-manager/worker-pools.ts';
import { workerManagerService, type RequestedWorker } from './worker-manager/worker-manager-service.ts';

/** All times are in milliseconds. */
export interface LocalQueueOptions {
  /** By default 0, which is any free port. */
  readonly port?: number;
  readonly publish: Publish;
  /** Clients that may call. All others have only the `anonymousScopes`. */
  readonly clients: readonly LocalClient[];
  /** The scopes of every caller. By default they allow reading public artifacts. */
  readonly anonymousScopes?: readonly string[];
  /** The scopes that `assume:` scopes expand to, by role. None by default. */
  readonly roles?: Roles;
  /** The destinations of crash reports, by project: a Sentry DSN with its secret key. None by default. */
  readonly sentryDsns?: Readonly<Record<string, string>>;
  /** The secret that signs tokens for websocktunnel servers. They must have the same one. */
  readonly websocktunnelSecret?: Secret;
  /** How long a claim lasts before it has to be reclaimed. By default 20 minutes. */
  readonly claimTimeoutMs?: number;
  /** How long a `claimWork` waits for work. By default 20 s. */
  readonly longPollMs?: number;
  /** Interval of the queue's checks for work while calls of `claimWork` wait. By default 1,000 ms. */
  readonly checkIntervalMs?: number;
  /** How long after its deadline a task is resolved. By default 1 s. The real queue takes 60 to 65 s. */
  readonly deadlineDelayMs?: number;
  /** How long after `takenUntil` a claim expires. By default 1 s. The real queue takes up to 5 s. */
  readonly claimDelayMs?: number;
  /**
   * How long after a task has ended its dependents are scheduled and its group is resolved. By default 0. The
   * real queue takes up to 5 s.
   */
  readonly dependencyDelayMs?: number;
  readonly clock?: Clock;
  /** Clouds that worker pools may name, by provider id. By default none: workers are set up by hand. */
  readonly clouds?: Readonly<Record<string, LocalCloud>>;
  /**
   * The folder for the content of artifacts, which is created and removed with the queue. By default a
   * temporary folder.
   */
  readonly storageFolder?: string;
  /** Called for problems that are no caller's fault: a message that cannot be published, or a bug. */
  readonly onError?: (error: unknown) => void;
}

export interface LocalQueue {
  /** The root URL for clients: `http://127.0.0.1:` and the port. */
  readonly rootUrl: string;
  readonly port: number;
  /** Tells worker-manager that a cloud has made a machine for a pool: it may register now. Announces it (`worker-requested`). */
  requestWorker(worker: RequestedWorker): Promise<void>;
  /** Tells worker-manager that a cloud no longer has a machine, which then is announced (`worker-stopped`). */
  workerStopped(worker: WorkerName): Promise<void>;
  /** Answers open calls with nothing, and forgets everything. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** How long requests in progress, such as uploads, may take when the queue is closed. */
const CLOSING_MS = 1_000;

/**
 * Starts a queue on this machine, behind Taskcluster's HTTP API. It keeps everything in memory, except for the
 * content of artifacts, which is in a temporary folder.
 */
export async function startLocalQueue(options: LocalQueueOptions): Promise<LocalQueue> {
  const { clock = systemClock, onError = () => undefined, clients, publish } = options;
  const server = createServer(() => isoTime(clock.now()));
  const port = (): number => (server.server.address() as AddressInfo).port;
  const rootUrl = (): string => `http://${HOST}:${port()}`;
  const storage = await createArtifactStorage(options.storageFolder);
  const urls = createSignedUrls(rootUrl);
  const objects = createObjectTable();
  const index = createTaskIndex(clock);
  const queueClient = createServiceClient('queue');
  const workerManagerClient = createServiceClient('worker-manager');
  const queue = createQueue({
    clock,
    publish: async message => {
      await publish(message);
      indexByRoute(index, message, taskId => queue.store.find(taskId));
    },
    onError,
    objects,
    urls,
    ownClient: queueClient,
    claimTimeoutMs: options.claimTimeoutMs ?? 20 * 60_000,
    longPollMs: options.longPollMs ?? 20_000,
    checkIntervalMs: options.checkIntervalMs ?? 1_000,
    deadlineDelayMs: options.deadlineDelayMs ?? 1_000,
    claimDelayMs: options.claimDelayMs ?? 1_000,
    dependencyDelayMs: options.dependencyDelayMs ?? 0,
  });
  const anonymous = options.anonymousScopes ?? ['queue:get-artifact:public/*'];
  const expand = createExpandScopes({ ...options.roles, anonymous });
  const authenticate = createAuthenticate({
    clients: [...clients, queueClient, workerManagerClient],
    expand,
    now: () => clock.now(),
  });
  const workerManager = workerManagerService({
    clock,
    publish,
    issuer: workerManagerClient,
    clouds: options.clouds ?? {},
    rootUrl,
    demand: workerPoolId => ({
      pending: queue.store.pending.count(workerPoolId, clock.now()),
      claimed: queue.store.claimed(workerPoolId).length,
    }),
    onRemoved: worker => removeWorker(queue, worker),
  });
  const services = [
    queueService(queue),
    authService({
      expand,
      clock,
      sentryDsns: options.sentryDsns,
      websocktunnelSecret: options.websocktunnelSecret,
    }),
    indexService({ index, urlOfLatestArtifact: createArtifactUrls(rootUrl, queueClient) }),
    objectService({ objects, storage, urls, clock }),
    purgeCacheService(clock),
    secretsService(clock),
    workerManager,
  ];
  const checkInput = createCheckInput(rootUrl);
  for (const service of services) addService(server, service, { authenticate, checkInput, clock, onError });
  addStorage(server, { storage, urls, clock });
  try {
    await server.listen({ host: HOST, port: options.port ?? 0 });
  } catch (error) {
    await storage.close();
    throw error;
  }
  return {
    rootUrl: rootUrl(),
    port: port(),
    requestWorker: worker => workerManager.request(worker),
    workerStopped: worker => workerManager.stopped(worker),
    async close() {
      queue.close();
      const closingLate = setTimeout(() => server.server.closeAllConnections(), CLOSING_MS);
      await server.close();
      clearTimeout(closingLate);
      await storage.close();
    },
  };
}
