import type { ManagedWorker, WorkerPool } from './worker-pools.ts';

/** The load of a pool: pending runs, and claimed runs. */
export interface Demand {
  readonly pending: number;
  readonly claimed: number;
}

/**
 * Whether a machine of a cloud should terminate, by the real worker scanner's rule. The newest workers fill the
 * capacity that the pool needs. The rest is superfluous, busy or not.
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
