import { distribution, type Distribution } from './statistics.ts';

/** What is to be reached. */
export interface Goal {
  readonly atMost?: number;
  /** The baseline is to be so many times the value. */
  readonly timesUnderBaseline?: number;
}

/** One line of the result. */
export interface Row {
  readonly figure: string;
  readonly value: number;
  readonly unit: 'ms' | 'MB' | 'calls';
  /** The same figure of the baseline; null where it has none. */
  readonly baseline: number | null;
  /** How many times the value the baseline is. Infinite, which is null in JSON, when the value is nothing or less. */
  readonly ratio: number | null;
  /** In words; null for what is only told. */
  readonly goal: string | null;
  readonly met: boolean | null;
  /** What the value was taken from; null for a count. */
  readonly distribution: Distribution | null;
  readonly baselineDistribution: Distribution | null;
}

interface Measured {
  readonly figure: string;
  readonly unit?: Row['unit'];
  readonly samples: readonly number[];
  readonly baseline?: readonly number[] | undefined;
}

/** A row for the median, or the 90th percentile, of samples. */
export function rowOf(
  of: 'median' | 'p90',
  { figure, unit = 'ms', samples, baseline }: Measured,
  goal?: Goal,
): Row {
  const own = distribution(samples);
  const other = baseline === undefined ? undefined : distribution(baseline);
  return {
    ...row(`${figure}, ${of}`, unit, own[of], other?.[of], goal),
    distribution: own,
    baselineDistribution: other ?? null,
  };
}

/** A row for a single number. */
export function row(
  figure: string,
  unit: Row['unit'],
  value: number,
  baseline: number | undefined,
  goal?: Goal,
): Row {
  const ratio = baseline === undefined ? null : value > 0 ? baseline / value : Infinity;
  return {
    figure,
    value,
    unit,
    baseline: baseline ?? null,
    ratio,
    goal: goal === undefined ? null : inWords(goal, unit),
    met: goal === undefined ? null : isMet(goal, value, ratio),
    distribution: null,
    baselineDistribution: null,
  };
}

function isMet(
  { atMost = Infinity, timesUnderBaseline }: Goal,
  value: number,
  ratio: number | null,
): boolean {
  if (!(value <= atMost)) return false;
  return timesUnderBaseline === undefined || (ratio !== null && ratio >= timesUnderBaseline);
}

function inWords({ atMost, timesUnderBaseline }: Goal, unit: Row['unit']): string {
  const most = unit === 'calls' ? `≤ ${atMost}` : `≤ ${atMost} ${unit}`;
  const times = `${timesUnderBaseline} × under the baseline`;
  return [...(atMost === undefined ? [] : [most]), ...(timesUnderBaseline === undefined ? [] : [times])].join(
    ', ',
  );
}
