import { expect, it } from 'vitest';
import { prometheus } from '../../../src/pool/metrics/index.ts';
import { MEASURE_NAMES, MEASURES, type Reading } from '../../../src/pool/metrics/measures.ts';

async function kept(readings: readonly Reading[] = []) {
  const present = [...readings];
  const metrics = await prometheus(() => Promise.resolve(present));
  return { metrics, present };
}

it('has a help text and a type for each metric', async () => {
  const { metrics } = await kept();
  const text = await metrics.text();
  for (const name of MEASURE_NAMES) {
    expect(text).toContain(`# HELP ${name} ${MEASURES[name].help}\n# TYPE ${name} ${MEASURES[name].kind}\n`);
  }
  expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});

it('adds, records and reads', async () => {
  const { metrics } = await kept([{ name: 'tcw_slots', value: 2, labels: { state: 'busy' } }]);
  metrics.instruments.add('tcw_runs_resolved_total', 1, { result: 'completed', reason: '' });
  metrics.instruments.add('tcw_runs_resolved_total', 2, { result: 'completed', reason: '' });
  metrics.instruments.record('tcw_stop_to_dead_seconds', 0.2, { stop: 'canceled' });
  const text = await metrics.text();
  expect(text).toContain('tcw_runs_resolved_total{result="completed",reason=""} 3\n');
  expect(text).toContain('tcw_stop_to_dead_seconds_bucket{le="0.25",stop="canceled"} 1\n');
  expect(text).toContain('tcw_slots{state="busy"} 2\n');
});

it('omits a gauge without a value', async () => {
  const { metrics, present } = await kept([{ name: 'tcw_reclaim_left_seconds', value: 9 }]);
  expect(await metrics.text()).toContain('\ntcw_reclaim_left_seconds 9\n');
  present.length = 0;
  // The same text is given for a while.
  await expect.poll(() => metrics.text()).not.toMatch(/^tcw_reclaim_left_seconds/m);
});

it('includes the process metrics of Node', async () => {
  const { metrics } = await kept();
  expect(await metrics.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(await metrics.text()).toMatch(/^nodejs_eventloop_lag_seconds [\d.]+$/m);
});

it('escapes the values of labels', async () => {
  const { metrics } = await kept([
    { name: 'tcw_disk_free_bytes', value: 1, labels: { folder: 'a"b\\c\nd' } },
  ]);
  expect(await metrics.text()).toContain('tcw_disk_free_bytes{folder="a\\"b\\\\c\\nd"} 1\n');
});

it('names start with tcw, and end with their unit if they have one', () => {
  for (const name of MEASURE_NAMES) {
    expect(name).toMatch(/^tcw_[a-z_]+[a-z]$/);
    expect(name.endsWith('_total')).toBe(MEASURES[name].kind === 'counter');
    if (MEASURES[name].kind === 'histogram') expect(name).toMatch(/_seconds$/);
  }
});
