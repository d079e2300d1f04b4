import { FAULTS, type FaultKind } from './faults.ts';
import type { Random } from './random.ts';

/** One fault of a schedule. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly lastsMs: number;
  /** The worker that it is for, by its place; undefined for all. */
  readonly worker: number | undefined;
  /** How long after the recovery from the last one it strikes, in ms. */
  readonly afterMs: number;
}

/**
 * Chooses how long each fault lasts, whom it is for, and in which order they come: the same for the same seed.
 *
 * @param longestMs cuts all that would last longer, and the pauses between them
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
