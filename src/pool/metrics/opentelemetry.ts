import { createNoopMeter, diag, metrics, type Counter, type Histogram } from '@opentelemetry/api';
import { definitionOf, MEASURE_NAMES, type Instruments, type MeasureName, type Reading } from './measures.ts';

const NAME = 'tcw/worker';
const UNITS: Readonly<Record<string, string>> = { seconds: 's', bytes: 'By' };

export interface OpenTelemetry extends Disposable {
  readonly instruments: Instruments;
}

/**
 * Reports a worker's metrics to the OpenTelemetry SDK that is registered in this process, if there is one. The API
 * cannot detect an SDK that is registered later.
 *
 * @param read returns the current values of the gauges
 */
export function openTelemetry(read: () => readonly Reading[]): OpenTelemetry | undefined {
  const meter = metrics.getMeter(NAME);
  if (meter === createNoopMeter()) return undefined;
  const counters = new Map<MeasureName, Counter>();
  const histograms = new Map<MeasureName, Histogram>();
  const gauges = new Map<MeasureName, ReturnType<typeof meter.createObservableGauge>>();
  for (const measure of MEASURE_NAMES) {
    const { kind, help: description, buckets } = definitionOf(measure);
    const { name, unit } = namedFor(measure);
    const options = { description, ...(unit !== undefined && { unit }) };
    if (kind === 'counter') counters.set(measure, meter.createCounter(name, options));
    else if (kind === 'gauge') gauges.set(measure, meter.createObservableGauge(name, options));
    else {
      const advice = buckets && { explicitBucketBoundaries: [...buckets] };
      histograms.set(measure, meter.createHistogram(name, { ...options, ...(advice && { advice }) }));
    }
  }
  const look: Parameters<typeof meter.addBatchObservableCallback>[0] = observer => {
    for (const { name, value, labels } of read()) {
      const gauge = gauges.get(name);
      if (gauge) observer.observe(gauge, value, labels);
    }
  };
  const observed = [...gauges.values()];
  meter.addBatchObservableCallback(look, observed);
  return {
    instruments: {
      add: (name, amount = 1, labels) => {
        quietly(() => counters.get(name)?.add(amount, labels));
      },
      record: (name, value, labels) => {
        quietly(() => histograms.get(name)?.record(value, labels));
      },
    },
    [Symbol.dispose]: () => {
      quietly(() => {
        meter.removeBatchObservableCallback(look, observed);
      });
    },
  };
}

/** Turns `tcw_run_duration_seconds` into `tcw.run_duration` with unit `s`. OpenTelemetry names do not contain units. */
export function namedFor(measure: MeasureName): { name: string; unit?: string } {
  const words = measure
    .replace(/^tcw_/, '')
    .replace(/_total$/, '')
    .split('_');
  const unit = UNITS[words.at(-1) ?? ''];
  if (unit !== undefined) words.pop();
  return { name: `tcw.${words.join('_')}`, ...(unit !== undefined && { unit }) };
}

/** An error in the SDK may lose a measurement, but must never affect a task. The API has a logger for such errors. */
function quietly(record: () => unknown): void {
  try {
    record();
  } catch (error) {
    diag.error(`${NAME}: telemetry failed`, error);
  }
}
