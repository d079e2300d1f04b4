import type { ManagedWorker, WorkerPool } from './worker-pools.ts';

/** What a pool has to do: runs that wait, and runs that are with workers. */
export interface Demand {
  readonly pending: number;
  readonly claimed: number;
}

/**
 * Whether a machine of a cloud should go, as the real worker scanner decides: the newest workers fill the capacity that the pool
 * needs, and the rest is too much, whether busy or not.
 */
export function shouldTerminate(
  worker: ManagedWorker,
  pool: WorkerPool,
  workers: readonly ManagedWorker[],
  demand: Demand,
): { readonly terminate: boolean; readonly reason: string } {
  if (worker.instance === undefined || worker.state !== 'running')
    return { terminate: false, reason: 'none' };
  const running = workers.filter(({ state }) => state === 'running').sort((a, b) => b.created - a.created);
  let capacity = 0;
  for (const one of running) {
    const isNeeded = capacity < neededCapacity(pool, demand);
    if (one.workerId === worker.workerId && one.workerGroup === worker.workerGroup) {
      return { terminate: !isNeeded, reason: isNeeded ? 'needed' : 'over capacity' };
    }
    capacity += one.capacity;
  }
  return { terminate: false, reason: 'none' };
}

function neededCapacity({ config }: WorkerPool, { pending, claimed }: Demand): number {
  const limits = config as { minCapacity?: number; maxCapacity?: number; scalingRatio?: number };
  const { minCapacity = 0, maxCapacity = Infinity, scalingRatio = 1 } = limits;
  return Math.max(minCapacity, Math.min((pending + claimed) * scalingRatio, maxCapacity));
}
