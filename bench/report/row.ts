import { distribution, type Distribution } from './statistics.ts';

/** What is to be reached. */
export type Goal =
  | {
      readonly atMost: number;
      /** The baseline is to be so many times the value. */
      readonly timesUnderBaseline?: number;
    }
  | { readonly atLeast: number }
  /** The baseline is to be so many times the value. */
  | { readonly ratioAtLeast: number };

export type Unit =
  | 'ms'
  | 'µs'
  | 'MB'
  | 'MB/s'
  | 'calls'
  | 'tasks/s'
  | 'requests'
  | 'messages/s'
  | 'times'
  | 'connections'
  | 'tasks';

/** One line of the result. */
export interface Row {
  readonly figure: string;
  readonly value: number;
  readonly unit: Unit;
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
  readonly unit?: Unit;
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
  unit: Unit,
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

function isMet(goal: Goal, value: number, ratio: number | null): boolean {
  if ('atLeast' in goal) return value >= goal.atLeast;
  if ('ratioAtLeast' in goal) return !Number.isNaN(value) && ratio !== null && ratio >= goal.ratioAtLeast;
  if (!(value <= goal.atMost)) return false;
  return goal.timesUnderBaseline === undefined || (ratio !== null && ratio >= goal.timesUnderBaseline);
}

/** What a goal need not repeat. */
const COUNTS: ReadonlySet<Unit> = new Set(['calls', 'times', 'requests', 'connections', 'tasks']);

function inWords(goal: Goal, unit: Unit): string {
  if ('ratioAtLeast' in goal) return `ratio ≥ ${goal.ratioAtLeast}`;
  const suffix = COUNTS.has(unit) ? '' : ` ${unit}`;
  if ('atLeast' in goal) return `≥ ${goal.atLeast}${suffix}`;
  const most = `≤ ${goal.atMost}${suffix}`;
  return goal.timesUnderBaseline === undefined
    ? most
    : `${most}, ${goal.timesUnderBaseline} × under the baseline`;
}
