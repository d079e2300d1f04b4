import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedFault } from './plan.ts';
import { randomFrom } from './random.ts';
import type { SoakBroker, SoakOptions } from './setting.ts';
import type { StruckFault } from './summary.ts';
import type { SoakWorker } from './worker.ts';

/** Injects one fault after the other, each when the workers have recovered from the previous one. */
export async function strikeAll(
  plan: readonly PlannedFault[],
  workers: readonly SoakWorker[],
  { options, broker, say }: { options: SoakOptions; broker: SoakBroker; say: (text: string) => void },
): Promise<StruckFault[]> {
  const struck: StruckFault[] = [];
  const random = randomFrom(options.seed + 2);
  for (const { kind, lastsMs, worker, afterMs } of plan) {
    await sleep(afterMs);
    const hit = worker === undefined ? workers : workers.slice(worker, worker + 1);
    const { claimMs } = options;
    const taken = hit.map(({ pulse }) => pulse.taken);
    await kind.strike({ workers: hit, random, lastsMs, claimMs, broker: broker.restart });
    const boundMs = kind.bound(lastsMs, claimMs);
    const lostMs = await recovered(hit, boundMs, kind.needsConnection && taken);
    struck.push({ name: kind.name, workers: hit.length, lastsMs, lostMs, boundMs });
    say(`${kind.name} for ${(lastsMs / 1000).toFixed(1)} s: ${(lostMs / 1000).toFixed(1)} s lost`);
  }
  return struck;
}

/**
 * Measures how long the slowest of these workers is idle before it claims a task, in ms. A full worker is not idle.
 *
 * @param taken the number of Pulse connections that each worker had made before. If given, only claims after a new
 *   connection count
 */
async function recovered(
  workers: readonly SoakWorker[],
  boundMs: number,
  taken?: readonly number[],
): Promise<number> {
  const endMs = performance.now();
  const idleMs = workers.map(() => 0);
  const sinceMs = workers.map(() => (taken ? Infinity : endMs));
  let lastMs = endMs;
  const isBack = ({ claimedMs }: SoakWorker, index: number) => claimedMs > (sinceMs[index] ?? endMs);
  while (!workers.every(isBack)) {
    await sleep(20);
    const nowMs = performance.now();
    for (const [index, worker] of workers.entries()) {
      if (taken && sinceMs[index] === Infinity && worker.pulse.taken > (taken[index] ?? 0))
        sinceMs[index] = nowMs;
      const isIdle = worker.active < worker.capacity && !isBack(worker, index);
      if (isIdle) idleMs[index] = (idleMs[index] ?? 0) + nowMs - lastMs;
    }
    lastMs = nowMs;
    // A worker that is later than this is considered stuck, not just late.
    if (Math.max(...idleMs) > 3 * boundMs) return Infinity;
  }
  return Math.max(...idleMs);
}
