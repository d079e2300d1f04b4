import { isDeepStrictEqual } from 'node:util';

import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';
import type { Instance } from './identity-proofs.ts';

/** A pool of workers. Times are milliseconds since the epoch. */
export interface WorkerPool {
  readonly workerPoolId: string;
  readonly providerId: string;
  readonly description: string;
  readonly owner: string;
  readonly emailOnError: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly created: number;
  /** Of its definition; undefined for a pool that is as it was created. */
  readonly lastModified?: number;
}

/** A worker that was set up by hand, or a machine of a cloud. Times are milliseconds since the epoch. */
export interface ManagedWorker {
  readonly workerPoolId: string;
  readonly workerGroup: string;
  readonly workerId: string;
  readonly providerId: string;
  readonly capacity: number;
  readonly created: number;
  readonly expires: number;
  readonly lastModified: number;
  readonly state: 'requested' | 'running' | 'stopping' | 'stopped';
  /** The secret with which a static worker first proves its identity. */
  readonly staticSecret?: string;
  /** What the cloud said about its machine. */
  readonly instance?: Instance;
  /** The pool's configuration when the machine was requested. Later changes do not reach it. */
  readonly workerConfig?: Readonly<Record<string, unknown>>;
  /** Lifetime of its credentials, in ms. Only machines of clouds have it. */
  readonly lifeMs?: number;
  /** The secret for its next registration. It changes with each registration. */
  readonly secret?: string;
}

export type WorkerName = Pick<ManagedWorker, 'workerPoolId' | 'workerGroup' | 'workerId'>;

export interface WorkerPools {
  /** @throws ApiError `ResourceNotFound` */
  pool(workerPoolId: string): WorkerPool;
  findPool(workerPoolId: string): WorkerPool | undefined;
  savePool(pool: WorkerPool): void;
  findWorker(name: WorkerName): ManagedWorker | undefined;
  /** @throws ApiError `ResourceNotFound` */
  worker(name: WorkerName): ManagedWorker;
  saveWorker(worker: ManagedWorker): void;
  workersOf(workerPoolId: string): ManagedWorker[];
}

export function createWorkerPools(): WorkerPools {
  const pools = new Map<string, WorkerPool>();
  const workers = new Map<string, ManagedWorker>();
  const keyOf = ({ workerPoolId, workerGroup, workerId }: WorkerName) =>
    `${workerPoolId}/${workerGroup}/${workerId}`;
  const findWorker = (name: WorkerName) => workers.get(keyOf(name));
  return {
    pool(workerPoolId) {
      const pool = pools.get(workerPoolId);
      if (!pool) throw new ApiError('ResourceNotFound', `There is no worker pool \`${workerPoolId}\`.`);
      return pool;
    },
    findPool: workerPoolId => pools.get(workerPoolId),
    savePool: pool => void pools.set(pool.workerPoolId, pool),
    findWorker,
    worker(name) {
      const worker = findWorker(name);
      if (!worker) throw new ApiError('ResourceNotFound', `There is no worker \`${keyOf(name)}\`.`);
      return worker;
    },
    saveWorker: worker => void workers.set(keyOf(worker), worker),
    workersOf: workerPoolId => [...workers.values()].filter(worker => worker.workerPoolId === workerPoolId),
  };
}

/**
 * Creates a pool. Repeating it returns the existing pool, and announces it again.
 *
 * @throws ApiError `RequestConflict` when a different pool has this name
 */
export function createPool(
  pools: WorkerPools,
  wanted: Omit<WorkerPool, 'created' | 'lastModified'>,
  now: number,
): WorkerPool {
  const known = pools.findPool(wanted.workerPoolId);
  if (known && !isDeepStrictEqual({ ...known, ...wanted }, known)) {
    throw new ApiError('RequestConflict', `There is another worker pool \`${wanted.workerPoolId}\` already.`);
  }
  const pool = known ?? { ...wanted, created: now };
  pools.savePool(pool);
  return pool;
}

/**
 * Changes a pool. Static workers get its new `workerConfig` when they register again; machines of clouds keep the one that they were
 * requested with.
 *
 * @throws ApiError `ResourceNotFound`
 */
export function updatePool(
  pools: WorkerPools,
  { workerPoolId, ...wanted }: Omit<WorkerPool, 'created' | 'lastModified'>,
  now: number,
): WorkerPool {
  const pool = { ...pools.pool(workerPoolId), ...wanted, lastModified: now };
  pools.savePool(pool);
  return pool;
}

/** A pool as it is in answers, with how many workers it has. */
export function describePool(
  { created, lastModified = created, ...pool }: WorkerPool,
  workers: readonly Pick<ManagedWorker, 'state' | 'capacity'>[],
) {
  const inState = (wanted: ManagedWorker['state']) => workers.filter(({ state }) => state === wanted);
  const [requested, running, stopping, stopped] = [
    inState('requested'),
    inState('running'),
    inState('stopping'),
    inState('stopped'),
  ];
  const capacityOf = (some: typeof workers) => some.reduce((sum, { capacity }) => sum + capacity, 0);
  return {
    ...pool,
    created: isoTime(created),
    lastModified: isoTime(lastModified),
    currentCapacity: capacityOf([...requested, ...running]),
    requestedCount: requested.length,
    runningCount: running.length,
    stoppingCount: stopping.length,
    stoppedCount: stopped.length,
    requestedCapacity: capacityOf(requested),
    runningCapacity: capacityOf(running),
    stoppingCapacity: capacityOf(stopping),
    stoppedCapacity: capacityOf(stopped),
  };
}

/** Formats a worker for answers, without its secrets. */
export function describeWorker(worker: ManagedWorker) {
  const { workerPoolId, workerGroup, workerId, providerId, capacity, state } = worker;
  return {
    workerPoolId,
    workerGroup,
    workerId,
    providerId,
    created: isoTime(worker.created),
    expires: isoTime(worker.expires),
    state,
    capacity,
    lastModified: isoTime(worker.lastModified),
    lastChecked: isoTime(worker.lastModified),
  };
}
