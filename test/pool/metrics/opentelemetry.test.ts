import { metrics as api } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect, it, onTestFinished } from 'vitest';
import { namedFor, openTelemetry } from '../../../src/pool/metrics/opentelemetry.ts';

it('has no cost without an SDK', () => {
  expect(openTelemetry(() => [])).toBeUndefined();
});

it('reports counters, histograms and gauges to an SDK until it is closed', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  const provider = new MeterProvider({ readers: [reader] });
  api.setGlobalMeterProvider(provider);
  onTestFinished(async () => {
    api.disable();
    await provider.shutdown();
  });
  let reads = 0;
  const telemetry = openTelemetry(() => {
    reads += 1;
    return [{ name: 'tcw_slots', value: 2, labels: { state: 'busy' } }];
  });
  telemetry?.instruments.add('tcw_upload_bytes_total', 1_000);
  telemetry?.instruments.record('tcw_run_duration_seconds', 12, { result: 'completed' });
  const exported = async () => {
    exporter.reset();
    await reader.forceFlush();
    const all = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics));
    return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }]));
  };
  const first = await exported();
  expect(first.get('tcw.upload')).toMatchObject({
    descriptor: { unit: 'By', description: expect.stringContaining('Bytes of uploaded artifacts') },
    dataPoints: [{ value: 1_000 }],
  });
  expect(first.get('tcw.run_duration')).toMatchObject({
    descriptor: { unit: 's' },
    dataPoints: [{ attributes: { result: 'completed' }, value: { count: 1, sum: 12 } }],
  });
  expect(first.get('tcw.slots')?.dataPoints).toMatchObject([{ attributes: { state: 'busy' }, value: 2 }]);
  telemetry?.[Symbol.dispose]();
  const before = reads;
  await exported();
  expect([before > 0, reads]).toEqual([true, before]);
});

it('names contain no units', () => {
  expect(namedFor('tcw_reclaim_lag_seconds')).toEqual({ name: 'tcw.reclaim_lag', unit: 's' });
  expect(namedFor('tcw_runs_claimed_total')).toEqual({ name: 'tcw.runs_claimed' });
  expect(namedFor('tcw_store_freed_bytes_total')).toEqual({ name: 'tcw.store_freed', unit: 'By' });
});
