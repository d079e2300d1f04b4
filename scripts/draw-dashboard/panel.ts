import type { Range, Series } from './prometheus.ts';

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Drawing {
  readonly type: string;
  readonly title: string;
  /** Grafana's unit: `short`, `s`, `bytes`, `ops` … */
  readonly unit: string;
  readonly place: Place;
  readonly range: Range;
  readonly series: readonly Series[];
}

const GAP = 4;
const COLOURS = ['#3274d9', '#e0752d', '#56a64b', '#a352cc', '#e02f44', '#f2cc0c', '#37872d', '#8f3bb8'];

/** Draws one panel as a group of an SVG. */
export function drawPanel({ place, title, ...drawing }: Drawing): string {
  const { x, y, width, height } = place;
  const inner = { width: width - 2 * GAP, height: height - 2 * GAP };
  const body =
    drawing.type === 'timeseries'
      ? lines(drawing, inner)
      : drawing.type === 'table'
        ? rows(drawing)
        : number(drawing, inner);
  return `<g transform="translate(${x + GAP} ${y + GAP})">
<rect width="${inner.width}" height="${inner.height}" rx="3" fill="#fff" stroke="#d8d9da"/>
<text x="8" y="18" font-weight="bold">${escaped(title)}</text>
${body}
</g>`;
}

type Size = Pick<Place, 'width' | 'height'>;

function number({ series, unit }: Omit<Drawing, 'place' | 'title'>, { width, height }: Size): string {
  const value = series[0]?.points.at(-1)?.[1];
  const shown = value === undefined ? 'no data' : inUnit(value, unit);
  return `<text x="${width / 2}" y="${height / 2 + 24}" font-size="44" text-anchor="middle" fill="#56a64b">${shown}</text>`;
}

function rows({ series }: Omit<Drawing, 'place' | 'title'>): string {
  return series
    .map(
      ({ name, points }, index) =>
        `<text x="8" y="${42 + index * 16}">${escaped(name)}: ${points.at(-1)?.[1] ?? 0}</text>`,
    )
    .join('\n');
}

function lines({ series, unit, range }: Omit<Drawing, 'place' | 'title'>, { width, height }: Size): string {
  const filled = series.filter(({ points }) => points.length > 0);
  const box = {
    left: 60,
    right: width - 10,
    top: 30,
    bottom: height - 18 - 13 * Math.ceil(filled.length / 3),
  };
  if (filled.length === 0)
    return `<text x="${width / 2}" y="${height / 2}" text-anchor="middle" fill="#888">no data: it did not happen</text>`;
  const highest = Math.max(...filled.flatMap(({ points }) => points.map(([, value]) => value)));
  const most = highest > 0 ? highest * 1.05 : 1;
  const xOf = (time: number) =>
    box.left + ((time - range.start) / (range.end - range.start)) * (box.right - box.left);
  const yOf = (value: number) => box.bottom - (value / most) * (box.bottom - box.top);
  const grid = [0, 0.5, 1].map(part => {
    const y = yOf(most * part).toFixed(1);
    return `<path d="M${box.left} ${y}H${box.right}" stroke="#e4e5e6"/><text x="${box.left - 4}" y="${Number(y) + 4}" text-anchor="end" fill="#666" font-size="9">${inUnit(most * part, unit)}</text>`;
  });
  const drawn = filled.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? '#000';
    const path = pathOf(points, range.step, xOf, yOf);
    const [x, y] = [8 + (index % 3) * Math.floor(width / 3), box.bottom + 14 + 13 * Math.floor(index / 3)];
    const dots = points.length === 1 ? circle(points[0]!, colour, xOf, yOf) : '';
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.3"/>${dots}<rect x="${x}" y="${y - 7}" width="8" height="3" fill="${colour}"/><text x="${x + 12}" y="${y - 2}" font-size="9">${escaped(name.slice(0, 36))}</text>`;
  });
  return [...grid, ...drawn].join('\n');
}

type Scale = (value: number) => number;

/** Returns the path of a line. A gap in the data becomes a gap in the line. */
function pathOf(points: Series['points'], step: number, xOf: Scale, yOf: Scale): string {
  return points
    .map(([time, value], index) => {
      const before = points[index - 1];
      const isJoined = before !== undefined && time - before[0] <= step * 1.5;
      return `${isJoined ? 'L' : 'M'}${xOf(time).toFixed(1)} ${yOf(value).toFixed(1)}`;
    })
    .join('');
}

function circle([time, value]: readonly [number, number], colour: string, xOf: Scale, yOf: Scale): string {
  return `<circle cx="${xOf(time).toFixed(1)}" cy="${yOf(value).toFixed(1)}" r="2" fill="${colour}"/>`;
}

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB'];

function inUnit(value: number, unit: string): string {
  const plain = (some: number) => String(Number(some.toPrecision(3)));
  switch (unit) {
    case 's':
      return value < 1 ? `${plain(value * 1_000)} ms` : `${plain(value)} s`;
    case 'bytes':
    case 'Bps': {
      const power = value < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(value) / 3));
      return `${plain(value / 1_000 ** power)} ${SIZES[power] ?? ''}${unit === 'Bps' ? '/s' : ''}`;
    }
    case 'ops':
      return `${plain(value)}/s`;
    default:
      return plain(value);
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
