import { workerManagerApi, type WorkerManagerApi } from '../../queue/index.ts';
import type { LocalClient } from '../auth/temporary-credentials.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { pageOf } from '../http/pages.ts';
import { ping } from '../http/ping.ts';
import type { Publish } from '../message.ts';
import { slugid } from '../slugid.ts';
import { isoTime, parseTime } from '../times.ts';
import { workerPoolCreated, workerPoolError, type WorkerError } from './messages.ts';
import { register, reregister } from './registration.ts';
import { createPool, createWorkerPools, describePool, describeWorker } from './worker-pools.ts';

interface WorkerManagerOptions {
  readonly clock: Clock;
  readonly publish: Publish;
  /** The client in whose name workers get their credentials. */
  readonly issuer: LocalClient;
}

/** The only provider here: its workers are set up by hand. */
const PROVIDER = 'static';

/** The worker-manager service, for workers that are set up by hand. */
export function workerManagerService({ clock, publish, issuer }: WorkerManagerOptions): Service {
  const pools = createWorkerPools();
  const errors: WorkerError[] = [];

  function requireProvider(providerId: string): void {
    if (providerId === PROVIDER) return;
    throw new ApiError('InputError', `There is no provider \`${providerId}\` here, only \`${PROVIDER}\`.`);
  }

  return createService<WorkerManagerApi>('worker-manager', workerManagerApi, {
    ping,

    async createWorkerPool({ params: { workerPoolId }, body, authorize }) {
      await authorize({ workerPoolId, providerId: body.providerId });
      requireProvider(body.providerId);
      const pool = createPool(pools, { workerPoolId, ...body }, clock.now());
      await publish(workerPoolCreated(workerPoolId, body.providerId));
      return describePool(pool, pools.workersOf(workerPoolId));
    },

    workerPool: ({ params: { workerPoolId } }) =>
      describePool(pools.pool(workerPoolId), pools.workersOf(workerPoolId)),

    createWorker({ params, body: { expires, capacity = 1, providerInfo } }) {
      const { providerId } = pools.pool(params.workerPoolId);
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

    registerWorker({ body: { workerPoolId, workerGroup, workerId, providerId, workerIdentityProof } }) {
      const pool = pools.pool(workerPoolId);
      if (pool.providerId !== providerId) {
        throw new ApiError('InputError', `The worker pool has the provider \`${pool.providerId}\`.`);
      }
      const { staticSecret } = workerIdentityProof as { staticSecret?: unknown };
      const name = { workerPoolId, workerGroup, workerId };
      const registration = register(pools, name, staticSecret, issuer, clock.now());
      const { workerConfig = {} } = pool.config as { workerConfig?: Record<string, unknown> };
      return { ...registration, workerConfig };
    },

    async reregisterWorker({ body: { workerPoolId, workerGroup, workerId, secret }, authorize }) {
      const name = { workerPoolId, workerGroup, workerId };
      await authorize(name);
      return reregister(pools, name, secret, issuer, clock.now());
    },

    removeWorker({ params }) {
      const worker = pools.worker(params);
      pools.saveWorker({ ...worker, state: 'stopped', lastModified: clock.now() });
      return {};
    },

    shouldWorkerTerminate({ params }) {
      const isStopped = pools.worker(params).state === 'stopped';
      return { terminate: isStopped, reason: isStopped ? 'the worker was removed' : 'none' };
    },

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
}
