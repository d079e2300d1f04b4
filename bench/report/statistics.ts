/** The summary of a figure's samples. */
export interface Distribution {
  readonly samples: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

/** @param samples at least one */
export function distribution(samples: readonly number[]): Distribution {
  if (samples.length === 0) throw new Error('nothing was measured');
  return {
    samples: samples.length,
    min: quantile(samples, 0),
    median: median(samples),
    p90: quantile(samples, 0.9),
    max: quantile(samples, 1),
  };
}

/** @param samples at least one */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * Returns the smallest sample such that at least this fraction of all samples is not above it. The result is always one
 * of the samples; there is no interpolation.
 */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}
