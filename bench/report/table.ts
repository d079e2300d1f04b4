import type { Row, Unit } from './row.ts';

const HEADINGS = ['figure', 'value', 'baseline', 'ratio', 'goal', ''] as const;
const VERDICT = { true: 'met', false: 'MISSED', null: '' } as const;

/** Formats the rows for a terminal, in aligned columns with right-aligned numbers. */
export function table(rows: readonly Row[]): string {
  const cells = [[...HEADINGS], ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map(line => line[column]?.length ?? 0)));
  const lines = cells.map(line =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)));
  return `${lines.join('\n')}\n`;
}

function cellsOf({ figure, value, unit, baseline, ratio, goal, met }: Row): string[] {
  return [
    figure,
    amount(value, unit),
    baseline === null ? '' : amount(baseline, unit),
    ratio === null ? '' : ratio === Infinity ? '∞' : `${short(ratio)} ×`,
    goal ?? '',
    VERDICT[`${met}`],
  ];
}

function amount(value: number, unit: Unit): string {
  return unit === 'ms' && value >= 10_000 ? `${short(value / 1_000)} s` : `${short(value)} ${unit}`;
}

/** Formats a number with the useful decimals: none from 100 on, one from 10 on, otherwise two. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
