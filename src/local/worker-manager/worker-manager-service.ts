import { workerManagerApi, type WorkerManagerApi } from '../../taskcluster/index.ts';
import type { LocalClient } from '../auth/temporary-credentials.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { pageOf } from '../http/pages.ts';
import { ping } from '../http/ping.ts';
import type { Publish } from '../message.ts';
import { slugid } from '../slugid.ts';
import { isoTime, parseTime } from '../times.ts';
import {
  workerMessage,
  workerPoolCreated,
  workerPoolError,
  workerPoolUpdated,
  type WorkerError,
} from './messages.ts';
import { shouldTerminate, type Demand } from './estimate.ts';
import type { Instance, LocalCloud } from './identity-proofs.ts';
import { lifeOf, register, reregister, workerConfigOf } from './registration.ts';
import {
  createPool,
  createWorkerPools,
  describePool,
  describeWorker,
  updatePool,
  type WorkerName,
  type WorkerPools,
} from './worker-pools.ts';

interface WorkerManagerOptions {
  readonly clock: Clock;
  readonly publish: Publish;
  /** The client that issues the workers' credentials. */
  readonly issuer: LocalClient;
  /** Clouds, by provider id. */
  readonly clouds: Readonly<Record<string, LocalCloud>>;
  readonly rootUrl: () => string;
  readonly demand: (workerPoolId: string) => Demand;
  /** Ends the runs of a removed worker. */
  readonly onRemoved: (worker: WorkerName) => Promise<void>;
}

/** A machine that a cloud has created for a pool, and that has not registered yet. */
export interface RequestedWorker extends WorkerName {
  /** What the cloud knows about it, such as `instanceId`. The machine proves its identity with that. */
  readonly instance: Instance;
  /** Number of tasks that it runs at once. By default 1. */
  readonly capacity?: number;
}

interface WorkerManager extends Service {
  /** @throws ApiError when the pool is not there, or not one of a cloud */
  request(worker: RequestedWorker): Promise<void>;
  /** The cloud no longer has the machine. @throws ApiError when the worker is not there */
  stopped(worker: WorkerName): Promise<void>;
}

/** The provider for workers that are set up by hand. */
const STATIC = 'static';

/** The worker-manager service, for workers that are set up by hand, and for machines that a test has created. */
export function workerManagerService(options: WorkerManagerOptions): WorkerManager {
  const { clock, publish, issuer, clouds, rootUrl } = options;
  const pools = createWorkerPools();
  const errors: WorkerError[] = [];
  const registrar = () => ({ pools, issuer, rootUrl: rootUrl(), now: clock.now() });

  function requireProvider(providerId: string): void {
    if (providerId === STATIC || clouds[providerId]) return;
    throw new ApiError('ResourceNotFound', `Provider ${providerId} does not exist`);
  }

  const service = createService<WorkerManagerApi>('worker-manager', workerManagerApi, {
    ping,

    async createWorkerPool({ params: { workerPoolId }, body, authorize }) {
      await authorize({ workerPoolId, providerId: body.providerId });
      requireProvider(body.providerId);
      const pool = createPool(pools, { workerPoolId, ...body }, clock.now());
      await publish(workerPoolCreated(workerPoolId, body.providerId));
      return describePool(pool, pools.workersOf(workerPoolId));
    },

    async updateWorkerPool({ params: { workerPoolId }, body, authorize }) {
      await authorize({ workerPoolId, providerId: body.providerId });
      requireProvider(body.providerId);
      const { providerId, description, owner, emailOnError, config } = body;
      const before = pools.pool(workerPoolId);
      const wanted = { workerPoolId, providerId, description, owner, emailOnError, config };
      const pool = updatePool(pools, wanted, clock.now());
      await publish(workerPoolUpdated(workerPoolId, providerId, before.providerId));
      return describePool(pool, pools.workersOf(workerPoolId));
    },

    workerPool: ({ params: { workerPoolId } }) =>
      describePool(pools.pool(workerPoolId), pools.workersOf(workerPoolId)),

    createWorker({ params, body: { expires, capacity = 1, providerInfo } }) {
      const { providerId } = pools.pool(params.workerPoolId);
      if (providerId !== STATIC) {
        throw new ApiError('InputError', `Provider ${providerId} does not support creating workers`);
      }
      const staticSecret = providerInfo?.staticSecret;
      if (staticSecret === undefined) {
        throw new ApiError('InputError', 'A static worker needs a `providerInfo.staticSecret`.');
      }
      const now = clock.now();
      const known = pools.findWorker(params);
      const wanted = { capacity, expires: parseTime(expires), staticSecret };
      if (known) {
        const isSame =
          known.staticSecret === staticSecret &&
          known.capacity === capacity &&
          known.expires === wanted.expires;
        if (!isSame) throw new ApiError('RequestConflict', 'There is another worker by that name already.');
        return describeWorker(known);
      }
      pools.saveWorker({
        ...params,
        ...wanted,
        providerId,
        created: now,
        lastModified: now,
        state: 'running',
      });
      return describeWorker(pools.worker(params));
    },

    worker: ({ params }) => describeWorker(pools.worker(params)),

    async registerWorker({ body }) {
      requireProvider(body.providerId);
      const registration = register(registrar(), body, clouds[body.providerId]);
      const worker = pools.worker(body);
      // A static worker has run since it was created, for all that worker-manager knows.
      if (worker.instance) await publish(workerMessage('workerRunning', worker, clock.now()));
      return registration;
    },

    async reregisterWorker({ body: { workerPoolId, workerGroup, workerId, secret }, authorize }) {
      const name = { workerPoolId, workerGroup, workerId };
      await authorize(name);
      return reregister(registrar(), name, secret);
    },

    async removeWorker({ params }) {
      const worker = pools.worker(params);
      const isOfCloud = worker.instance !== undefined;
      pools.saveWorker({ ...worker, state: isOfCloud ? 'stopping' : 'stopped', lastModified: clock.now() });
      // The queue learns about removed machines of clouds only.
      if (isOfCloud) await options.onRemoved(params);
      await publish(workerMessage('workerRemoved', worker, clock.now()));
      return {};
    },

    shouldWorkerTerminate: ({ params }) =>
      shouldTerminate(
        pools.worker(params),
        pools.pool(params.workerPoolId),
        pools.workersOf(params.workerPoolId),
        options.demand(params.workerPoolId),
      ),

    async reportWorkerError({ params: { workerPoolId }, body, authorize }) {
      const { workerGroup, workerId, kind, title, description, extra } = body;
      await authorize({ workerPoolId, workerGroup, workerId });
      pools.worker({ workerPoolId, workerGroup, workerId });
      const error: WorkerError = {
        errorId: slugid(),
        workerPoolId,
        reported: isoTime(clock.now()),
        kind,
        title,
        description,
        extra: { ...extra, workerGroup, workerId },
      };
      errors.push(error);
      await publish(workerPoolError(error, pools.pool(workerPoolId).providerId, { workerGroup, workerId }));
      return error;
    },

    listWorkerPoolErrors({ params: { workerPoolId }, query }) {
      const found = errors.filter(
        error => error.workerPoolId === workerPoolId && (query.errorId ?? error.errorId) === error.errorId,
      );
      const { items, ...rest } = pageOf(found, query);
      return { workerPoolErrors: items, ...rest };
    },
  });
  return {
    ...service,
    request: async worker => {
      request(pools, clouds, worker, clock.now());
      await publish(workerMessage('workerRequested', pools.worker(worker), clock.now()));
    },
    stopped: async name => {
      const worker = { ...pools.worker(name), state: 'stopped' as const, lastModified: clock.now() };
      pools.saveWorker(worker);
      await publish(workerMessage('workerStopped', worker, clock.now()));
    },
  };
}

function request(
  pools: WorkerPools,
  clouds: WorkerManagerOptions['clouds'],
  { capacity = 1, ...worker }: RequestedWorker,
  now: number,
): void {
  const pool = pools.pool(worker.workerPoolId);
  const { providerId } = pool;
  if (!clouds[providerId]) throw new ApiError('InputError', `Provider ${providerId} makes no machines`);
  pools.saveWorker({
    ...worker,
    capacity,
    providerId,
    created: now,
    lastModified: now,
    expires: now + WEEK_MS,
    state: 'requested',
    lifeMs: lifeOf(pool),
    workerConfig: workerConfigOf(pool),
  });
}

/** How long worker-manager remembers a machine. */
const WEEK_MS = 7 * 24 * 3_600_000;
