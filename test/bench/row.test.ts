import { describe, expect, it } from 'vitest';
import { row, rowOf } from '../../bench/report/row.ts';
import { table } from '../../bench/report/table.ts';

describe('a row of the benchmark', () => {
  it('contains the median of its samples, or their 90th percentile', () => {
    const samples = [30, 10, 20, 100, 40, 50, 70, 60, 80, 90];
    expect(rowOf('median', { figure: 'a wait', samples })).toMatchObject({
      figure: 'a wait, median',
      value: 55,
      unit: 'ms',
      distribution: { samples: 10, min: 10, median: 55, p90: 90, max: 100 },
    });
    expect(rowOf('p90', { figure: 'a wait', samples })).toMatchObject({ value: 90 });
    expect(rowOf('p90', { figure: 'a wait', samples: [5, 7] })).toMatchObject({ value: 7 });
  });

  it('requires at least one sample', () => {
    expect(() => rowOf('median', { figure: 'a wait', samples: [] })).toThrow('nothing was measured');
  });

  it.each([
    { value: 20, baseline: 500, met: true },
    { value: 20.1, baseline: 5_000, met: false },
    { value: 20, baseline: 499, met: false },
    { value: 20, baseline: undefined, met: false },
    { value: -1, baseline: 500, met: true },
    { value: Number.NaN, baseline: 500, met: false },
  ])('meets both halves of its goal or none: $value ms against $baseline ms', ({ value, baseline, met }) => {
    const goal = { atMost: 20, timesUnderBaseline: 25 };
    expect(row('a wait', 'ms', value, baseline, goal)).toMatchObject({
      goal: '≤ 20 ms, 25 × under the baseline',
      met,
    });
  });

  it.each([
    { value: 100, baseline: 120, met: true },
    { value: 100, baseline: 119, met: false },
    { value: 100, baseline: undefined, met: false },
    { value: Number.NaN, baseline: 120, met: false },
  ])('meets a goal for its ratio: $value ms beside $baseline ms', ({ value, baseline, met }) => {
    expect(row('a copy', 'ms', value, baseline, { ratioAtLeast: 1.2 })).toMatchObject({
      goal: 'ratio ≥ 1.2',
      met,
    });
  });

  it.each([
    { value: 30, met: true },
    { value: 29.9, met: false },
    { value: Number.NaN, met: false },
  ])('meets a goal that is to be exceeded: $value tasks/s', ({ value, met }) => {
    expect(row('work', 'tasks/s', value, undefined, { atLeast: 30 })).toMatchObject({
      goal: '≥ 30 tasks/s',
      met,
    });
  });

  it('neither meets nor misses a goal if it has none', () => {
    expect(row('memory', 'MB', 100, undefined)).toMatchObject({
      baseline: null,
      ratio: null,
      goal: null,
      met: null,
    });
  });
});

describe('the table of results', () => {
  it('aligns numbers and marks missed goals', () => {
    const rows = [
      row('a wait', 'ms', 2.345, 51_230, { atMost: 20 }),
      row('calls for each task', 'calls', 1.2, 1.1, { atMost: 1.1 }),
      row('memory', 'MB', 100.4, undefined),
    ];
    expect(table(rows)).toBe(
      [
        'figure                    value    baseline    ratio  goal',
        '---------------------------------------------------------------------',
        'a wait                  2.35 ms      51.2 s  21846 ×  ≤ 20 ms  met',
        'calls for each task  1.20 calls  1.10 calls   0.92 ×  ≤ 1.1    MISSED',
        'memory                   100 MB',
        '',
      ].join('\n'),
    );
  });
});
