import { ApiError } from '../../errors.ts';

/** A worker's name within a task queue. */
export interface WorkerName {
  readonly taskQueueId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

export interface TaskRun {
  readonly taskId: string;
  readonly runId: number;
}

/** Who quarantined a worker, until when, and why. Times are milliseconds since the epoch. */
export interface Quarantine {
  readonly clientId: string;
  readonly updatedAt: number;
  readonly quarantineUntil: number;
  readonly quarantineInfo: string;
}

/** A worker that has asked for work. Times are milliseconds since the epoch. */
export interface KnownWorker extends WorkerName {
  readonly firstClaim: number;
  readonly lastDateActive: number;
  readonly expires: number;
  /** The last runs that it claimed, the newest last. */
  readonly recentTasks: readonly TaskRun[];
  readonly quarantineUntil?: number;
  readonly quarantines: readonly Quarantine[];
}

/** Every worker that ever asked for work. */
export interface WorkerTable {
  /** Records that a worker asks for work. */
  seen(name: WorkerName, now: number): KnownWorker;
  /** Records the claims of a worker. */
  claimed(name: WorkerName, runs: readonly TaskRun[]): void;
  /** @throws ApiError `ResourceNotFound` for a worker that never asked for work */
  get(name: WorkerName): KnownWorker;
  /** Quarantines a worker. A time in the past ends the quarantine. */
  quarantine(name: WorkerName, quarantine: Quarantine): KnownWorker;
  list(taskQueueId: string): KnownWorker[];
}

const HOUR = 3_600_000;
const LIFE = 24 * HOUR;
/** The real queue does not record each request of a worker. */
const ACTIVE_EVERY = 6 * HOUR;
const MAX_RECENT_TASKS = 20;

export function createWorkerTable(): WorkerTable {
  const workers = new Map<string, KnownWorker>();
  const keyOf = ({ taskQueueId, workerGroup, workerId }: WorkerName) =>
    `${taskQueueId}/${workerGroup}/${workerId}`;

  function save(worker: KnownWorker): KnownWorker {
    workers.set(keyOf(worker), worker);
    return worker;
  }

  function get(name: WorkerName): KnownWorker {
    const worker = workers.get(keyOf(name));
    if (!worker) throw new ApiError('ResourceNotFound', `There is no worker \`${keyOf(name)}\`.`);
    return worker;
  }

  return {
    get,
    seen(name, now) {
      const known = workers.get(keyOf(name));
      const expires = now + LIFE;
      if (!known) {
        const { taskQueueId, workerGroup, workerId } = name;
        const times = { firstClaim: now, lastDateActive: now, expires };
        return save({ taskQueueId, workerGroup, workerId, ...times, recentTasks: [], quarantines: [] });
      }
      return known.lastDateActive > now - ACTIVE_EVERY
        ? known
        : save({ ...known, lastDateActive: now, expires });
    },
    claimed(name, runs) {
      const worker = get(name);
      save({ ...worker, recentTasks: [...worker.recentTasks, ...runs].slice(-MAX_RECENT_TASKS) });
    },
    quarantine(name, quarantine) {
      const { quarantineUntil, updatedAt } = quarantine;
      const worker = get(name);
      return save({
        ...worker,
        quarantineUntil,
        quarantines: [...worker.quarantines, quarantine],
        expires: Math.max(updatedAt + LIFE, quarantineUntil),
      });
    },
    list: taskQueueId => [...workers.values()].filter(worker => worker.taskQueueId === taskQueueId),
  };
}
