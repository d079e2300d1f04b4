import { distribution, type Distribution } from './statistics.ts';

/** The goal of a row. */
export type Goal =
  | {
      readonly atMost: number;
      /** The minimum of the baseline divided by the value. */
      readonly timesUnderBaseline?: number;
    }
  | { readonly atLeast: number }
  /** The minimum of the baseline divided by the value. */
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

/** One row of the result. */
export interface Row {
  readonly figure: string;
  readonly value: number;
  readonly unit: Unit;
  /** The same figure for the baseline; null if there is none. */
  readonly baseline: number | null;
  /** The baseline divided by the value. Infinity, which is null in JSON, if the value is zero or less. */
  readonly ratio: number | null;
  /** The goal as text; null if the figure has no goal. */
  readonly goal: string | null;
  readonly met: boolean | null;
  /** The samples behind the value; null for a count. */
  readonly distribution: Distribution | null;
  readonly baselineDistribution: Distribution | null;
}

interface Measured {
  readonly figure: string;
  readonly unit?: Unit;
  readonly samples: readonly number[];
  readonly baseline?: readonly number[] | undefined;
}

/** Makes a row for the median or the 90th percentile of samples. */
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

/** Makes a row for a single number. */
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

/** Units that the text of a goal leaves out. */
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
