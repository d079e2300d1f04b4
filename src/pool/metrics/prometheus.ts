import { definitionOf, MEASURE_NAMES, type Instruments, type Reading } from './measures.ts';

export interface Prometheus {
  readonly instruments: Instruments;
  readonly contentType: string;
  /** Everything in Prometheus' text format. */
  readonly text: () => Promise<string>;
}

/** Whoever asks again within this time, in ms, gets the same text: a task may ask all day. */
const FRESH_MS = 500;

/**
 * Keeps a worker's metrics for Prometheus, and those that Node has of its process.
 *
 * @param read tells the present values of the gauges
 */
export async function prometheus(read: () => Promise<readonly Reading[]>): Promise<Prometheus> {
  // Loaded only here: it costs memory that a worker without metrics does not need.
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
      // Without labels that leaves a 0, which nobody has read.
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
