import { FAULTS, type FaultKind } from './faults.ts';
import type { Random } from './random.ts';

/** One fault of a schedule. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly lastsMs: number;
  /** The index of the affected worker; undefined for all workers. */
  readonly worker: number | undefined;
  /** The pause after the recovery from the previous fault, in ms. */
  readonly afterMs: number;
}

/**
 * Chooses the duration, the target and the order of the faults. The same seed gives the same plan.
 *
 * @param longestMs upper limit for the duration of each fault and for the pauses between faults
 */
export function planned(
  names: readonly string[],
  workers: number,
  random: Random,
  longestMs = Infinity,
): PlannedFault[] {
  return random.shuffled(names).map(name => {
    const kind = FAULTS.find(each => each.name === name);
    if (!kind) throw new Error(`no fault ${name}`);
    const [shortest, longest] = kind.lasts;
    return {
      kind,
      lastsMs: Math.min(longestMs, random.between(shortest, longest)),
      worker: kind.whom === 'one' ? random.between(0, workers - 1) : undefined,
      afterMs: Math.min(longestMs, random.between(500, 2_500)),
    };
  });
}
