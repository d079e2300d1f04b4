import { definitionOf, MEASURE_NAMES, type Instruments, type Reading } from './measures.ts';

export interface Prometheus {
  readonly instruments: Instruments;
  readonly contentType: string;
  /** Returns all metrics in Prometheus' text format. */
  readonly text: () => Promise<string>;
}

/** Requests within this time, in ms, get the same text, because a task may send requests all day. */
const FRESH_MS = 500;

/**
 * Keeps a worker's metrics and those of its Node process for Prometheus.
 *
 * @param read returns the current values of the gauges
 */
export async function prometheus(read: () => Promise<readonly Reading[]>): Promise<Prometheus> {
  // Loaded only when needed, because it takes memory.
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, InstanceType<typeof Counter>>();
  const histograms = new Map<string, InstanceType<typeof Histogram>>();
  const gauges = new Map<string, InstanceType<typeof Gauge>>();
  for (const name of MEASURE_NAMES) {
    const { kind, help, labels: labelNames = [], buckets } = definitionOf(name);
    const common = { name, help, labelNames, registers: [registry] };
    if (kind === 'counter') counters.set(name, new Counter(common));
    else if (kind === 'gauge') gauges.set(name, new Gauge(common));
    else histograms.set(name, new Histogram({ ...common, ...(buckets && { buckets: [...buckets] }) }));
  }

  const collect = async (): Promise<string> => {
    const present = await read();
    for (const gauge of gauges.values()) {
      gauge.reset();
      // For a gauge without labels, reset() leaves a 0 that was never read.
      gauge.remove({});
    }
    for (const { name, value, labels = {} } of present) gauges.get(name)?.set(labels, value);
    return registry.metrics();
  };
  let collected: { readonly text: Promise<string>; readonly at: number } | undefined;
  return {
    contentType: registry.contentType,
    instruments: {
      add: (name, amount = 1, labels = {}) => counters.get(name)?.inc(labels, amount),
      record: (name, value, labels = {}) => histograms.get(name)?.observe(labels, value),
    },
    text: () => {
      const now = performance.now();
      if (!collected || now - collected.at > FRESH_MS) collected = { text: collect(), at: now };
      return collected.text;
    },
  };
}
