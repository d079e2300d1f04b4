import { isDeepStrictEqual } from 'node:util';

import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';

/** Workers of one kind. Times are milliseconds since the epoch. */
export interface WorkerPool {
  readonly workerPoolId: string;
  readonly providerId: string;
  readonly description: string;
  readonly owner: string;
  readonly emailOnError: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly created: number;
}

/** A worker that somebody set up by hand. Times are milliseconds since the epoch. */
export interface StaticWorker {
  readonly workerPoolId: string;
  readonly workerGroup: string;
  readonly workerId: string;
  readonly providerId: string;
  readonly capacity: number;
  readonly created: number;
  readonly expires: number;
  readonly lastModified: number;
  readonly state: 'running' | 'stopped';
  /** By which it proves at first who it is. */
  readonly staticSecret: string;
  /** By which it proves later who it is. New each time it has registered. */
  readonly secret?: string;
}

export type WorkerName = Pick<StaticWorker, 'workerPoolId' | 'workerGroup' | 'workerId'>;

export interface WorkerPools {
  /** @throws ApiError `ResourceNotFound` */
  pool(workerPoolId: string): WorkerPool;
  findPool(workerPoolId: string): WorkerPool | undefined;
  savePool(pool: WorkerPool): void;
  findWorker(name: WorkerName): StaticWorker | undefined;
  /** @throws ApiError `ResourceNotFound` */
  worker(name: WorkerName): StaticWorker;
  saveWorker(worker: StaticWorker): void;
  workersOf(workerPoolId: string): StaticWorker[];
}

export function createWorkerPools(): WorkerPools {
  const pools = new Map<string, WorkerPool>();
  const workers = new Map<string, StaticWorker>();
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
 * Makes a pool. The same again is the one that is there, and is announced again.
 *
 * @throws ApiError `RequestConflict` when there is another by its name
 */
export function createPool(pools: WorkerPools, wanted: Omit<WorkerPool, 'created'>, now: number): WorkerPool {
  const known = pools.findPool(wanted.workerPoolId);
  if (known && !isDeepStrictEqual(known, { ...wanted, created: known.created })) {
    throw new ApiError('RequestConflict', `There is another worker pool \`${wanted.workerPoolId}\` already.`);
  }
  const pool = known ?? { ...wanted, created: now };
  pools.savePool(pool);
  return pool;
}

/** A pool as it is in answers, with how many workers it has. */
export function describePool(
  { created, ...pool }: WorkerPool,
  workers: readonly Pick<StaticWorker, 'state' | 'capacity'>[],
) {
  const running = workers.filter(({ state }) => state === 'running');
  const stopped = workers.filter(({ state }) => state === 'stopped');
  const capacityOf = (some: typeof workers) => some.reduce((sum, { capacity }) => sum + capacity, 0);
  return {
    ...pool,
    created: isoTime(created),
    lastModified: isoTime(created),
    currentCapacity: capacityOf(running),
    requestedCount: 0,
    runningCount: running.length,
    stoppingCount: 0,
    stoppedCount: stopped.length,
    requestedCapacity: 0,
    runningCapacity: capacityOf(running),
    stoppingCapacity: 0,
    stoppedCapacity: capacityOf(stopped),
  };
}

/** A worker as it is in answers: without its secrets. */
export function describeWorker(worker: StaticWorker) {
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
