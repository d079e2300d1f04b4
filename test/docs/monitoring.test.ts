import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { prometheus } from '../../src/pool/metrics/index.ts';
import { definitionOf, MEASURE_NAMES, MEASURES, type MeasureName } from '../../src/pool/metrics/measures.ts';

const read = (path: string) => readFile(new URL(`../../docs/${path}`, import.meta.url), 'utf8');

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every series that a worker has, without a label. */
async function seriesNames(): Promise<Set<string>> {
  const text = await (await prometheus(() => Promise.resolve([]))).text();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

async function queries(): Promise<readonly (readonly [name: string, query: string])[]> {
  const dashboard = JSON.parse(await read('monitoring/grafana-dashboard.json')) as {
    panels: readonly Panel[];
  };
  const rules = parse(await read('monitoring/alerts.yml')) as {
    groups: readonly { rules: readonly { alert: string; expr: string }[] }[];
  };
  return [
    ...dashboard.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }, index) => [`panel ${title}, ${index}`, expr] as const),
    ),
    ...rules.groups.flatMap(group => group.rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const)),
  ];
}

const labelsOf = (name: MeasureName): readonly string[] => definitionOf(name).labels ?? [];
const usedIn = (query: string) => query.match(/\b(?:tcw|process|nodejs)_\w+/g) ?? [];

it('every metric in the dashboard and the alerts exists', async () => {
  const there = await seriesNames();
  const all = await queries();
  expect(all.length).toBeGreaterThan(30);
  for (const [name, query] of all) {
    const used = usedIn(query);
    expect(used.length, name).toBeGreaterThan(0);
    expect(
      used.filter(metric => !there.has(metric)),
      name,
    ).toEqual([]);
  }
});

it('every label that they select or sum by belongs to those metrics', async () => {
  const added = ['le', 'instance'];
  for (const [name, query] of await queries()) {
    const known = usedIn(query).flatMap(metric => {
      const measure = MEASURE_NAMES.find(each => metric.replace(/_(bucket|sum|count)$/, '') === each);
      return measure === undefined ? [] : labelsOf(measure);
    });
    const groups = [...query.matchAll(/\b(?:by|on|group_left) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(', '),
    );
    const selected = [...query.matchAll(/[{,](\w+)(?:=~|!=|=)"/g)].map(([, label = '']) => label);
    expect(
      [...new Set([...groups, ...selected])].filter(label => ![...known, ...added].includes(label)),
      name,
    ).toEqual([]);
  }
});

it('the dashboard shows every metric except those that serve only to compute others', async () => {
  const shown = (await queries()).map(([, query]) => query).join('\n');
  const hidden = MEASURE_NAMES.filter(name => !shown.includes(name));
  expect(hidden.sort()).toEqual([
    'tcw_disk_size_bytes',
    'tcw_reclaims_total',
    'tcw_runs_claimed_total',
    'tcw_store_entries',
    'tcw_store_entries_removed_total',
    'tcw_uploads_total',
  ]);
});

it('docs/monitoring.md has a row for each metric', async () => {
  const page = await read('monitoring.md');
  const rows = [...page.matchAll(/^\| `(tcw_\w+)` +\| (.*?) +\| (.*?) +\|$/gm)].map(
    ([, name, labels, help]) => ({
      name,
      labels,
      help,
    }),
  );
  expect(rows).toEqual(
    MEASURE_NAMES.map(name => ({
      name,
      labels: labelsOf(name)
        .map(label => `\`${label}\``)
        .join(', '),
      help: MEASURES[name].help,
    })),
  );
});
