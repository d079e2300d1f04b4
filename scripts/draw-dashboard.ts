// Draws docs/monitoring/grafana-dashboard.json as an SVG, with the data of a Prometheus server:
//
//     node scripts/draw-dashboard.ts <URL of Prometheus> <minutes> [<end, ISO 8601>] > docs/monitoring/dashboard.svg
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawPanel } from './draw-dashboard/panel.ts';
import { querySeries } from './draw-dashboard/prometheus.ts';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit?: string } };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const FILE = fileURLToPath(new URL('../docs/monitoring/grafana-dashboard.json', import.meta.url));
/** The size of one column and one row of Grafana's grid, in pixels. */
const CELL = { width: 50, height: 24 };
const COLUMNS = 24;
const POINTS = 120;

const [server, minutes, until] = process.argv.slice(2);
if (server === undefined || !URL.canParse(server) || !(Number(minutes) > 0)) {
  console.error('usage: node scripts/draw-dashboard.ts <URL of Prometheus> <minutes>');
  process.exit(64);
}
const end = (until === undefined ? Date.now() : Date.parse(until)) / 1_000;
const range = { start: end - Number(minutes) * 60, end, step: Math.max(1, (Number(minutes) * 60) / POINTS) };

const { title, panels } = JSON.parse(readFileSync(FILE, 'utf8')) as { title: string; panels: Panel[] };
const drawn = [];
for (const panel of panels) {
  const series = [];
  for (const { expr, legendFormat } of panel.targets)
    series.push(...(await querySeries(server, expr, legendFormat, range)));
  const { x, y, w, h } = panel.gridPos;
  const place = {
    x: x * CELL.width,
    y: 40 + y * CELL.height,
    width: w * CELL.width,
    height: h * CELL.height,
  };
  const { type, title: name, fieldConfig } = panel;
  drawn.push(
    drawPanel({ type, title: name, unit: fieldConfig.defaults.unit ?? 'short', place, range, series }),
  );
}
const width = COLUMNS * CELL.width;
const height = 40 + Math.max(...panels.map(({ gridPos: { y, h } }) => (y + h) * CELL.height));
console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#f4f5f5"/>
<text x="12" y="26" font-size="16" font-weight="bold">${title}</text>
${drawn.join('\n')}
</svg>`);
