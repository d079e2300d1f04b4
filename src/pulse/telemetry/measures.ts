import type { Attributes } from '@opentelemetry/api';
import type { PublishGauge } from '../publish-result.ts';
import { shownName } from './attributes.ts';
import { openTelemetry } from './opentelemetry.ts';

/** The current state of consumers and publishing; see `Pulse.gauges`. */
export interface PendingWork {
  readonly consumers: readonly {
    readonly queue: string | undefined;
    readonly ephemeral: boolean;
    readonly count: number;
    readonly oldestMs: number;
    readonly depth: number | undefined;
  }[];
  readonly publisher: PublishGauge;
}

/** The measurements of one connection to Pulse. */
export interface Measures {
  sent(exchange: string, seconds: number, errorType: string | undefined): void;
  /** Counts a message that was passed to the application, or withheld because of its body. */
  delivered(queue: string, errorType: string | undefined): void;
  processed(queue: string, seconds: number, errorType: string | undefined): void;
  warned(type: string): void;
  /** Lets the SDK read the current state at any time. Returns a function that stops this. */
  observe(underWay: () => PendingWork): () => void;
}

/** Histogram buckets in seconds, as the conventions recommend. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const SECONDS = { unit: 's', advice: { explicitBucketBoundaries: BUCKETS } };
const MESSAGES = { unit: '{message}' };

/**
 * Returns undefined if no SDK for metrics is registered. The API cannot notify us of an SDK that is registered later.
 */
export function measuresOf(name: string, common: Attributes): Measures | undefined {
  const api = openTelemetry();
  const meter = api?.metrics.getMeter(name);
  if (!meter || meter === api?.createNoopMeter()) return undefined;

  const sent = meter.createCounter('messaging.client.sent.messages', MESSAGES);
  const consumed = meter.createCounter('messaging.client.consumed.messages', MESSAGES);
  const operation = meter.createHistogram('messaging.client.operation.duration', SECONDS);
  const process = meter.createHistogram('messaging.process.duration', SECONDS);
  const warnings = meter.createCounter('tcw.pulse.warnings', { unit: '{warning}' });
  const held = meter.createObservableGauge('tcw.pulse.consumer.held', MESSAGES);
  const oldest = meter.createObservableGauge('tcw.pulse.consumer.oldest_unacked', { unit: 's' });
  const depth = meter.createObservableGauge('tcw.pulse.queue.depth', MESSAGES);
  const waiting = meter.createObservableGauge('tcw.pulse.publisher.waiting', MESSAGES);
  const unconfirmed = meter.createObservableGauge('tcw.pulse.publisher.unconfirmed', MESSAGES);

  const of = (type: string, destination: string, errorType: string | undefined, operation = type) => ({
    ...common,
    'messaging.operation.type': type,
    'messaging.operation.name': operation,
    'messaging.destination.name': destination,
    ...(errorType !== undefined && { 'error.type': errorType }),
  });

  return {
    sent(exchange, seconds, errorType) {
      const attributes = of('send', exchange, errorType);
      sent.add(1, attributes);
      operation.record(seconds, attributes);
    },
    delivered(queue, errorType) {
      consumed.add(1, of('receive', queue, errorType, 'deliver'));
    },
    processed(queue, seconds, errorType) {
      process.record(seconds, of('process', queue, errorType));
    },
    warned(type) {
      warnings.add(1, { ...common, 'tcw.pulse.warning': type });
    },
    observe(underWay) {
      /**
       * All queues reported so far. They are reported again each time, because an SDK would repeat their last values.
       */
      const queues = new Set<string>();
      const lookedAt = new Set<string>();
      const look: Parameters<typeof meter.addBatchObservableCallback>[0] = observer => {
        const { consumers, publisher } = underWay();
        const byQueue = Map.groupBy(consumers, ({ queue = '(unknown)', ephemeral }) =>
          shownName({ name: queue, ephemeral }),
        );
        for (const queue of byQueue.keys()) queues.add(queue);
        for (const queue of queues) {
          const same = byQueue.get(queue) ?? [];
          const attributes = { ...common, 'messaging.destination.name': queue };
          const count = same.reduce((sum, consumer) => sum + consumer.count, 0);
          observer.observe(held, count, attributes);
          const depths = same.flatMap(consumer => consumer.depth ?? []);
          if (depths.length > 0) lookedAt.add(queue);
          if (lookedAt.has(queue)) observer.observe(depth, Math.max(0, ...depths), attributes);
          observer.observe(oldest, Math.max(0, ...same.map(({ oldestMs }) => oldestMs)) / 1_000, attributes);
        }
        observer.observe(waiting, publisher.waiting, common);
        observer.observe(unconfirmed, publisher.unconfirmed, common);
      };
      const observed = [held, oldest, depth, waiting, unconfirmed];
      meter.addBatchObservableCallback(look, observed);
      return () => {
        meter.removeBatchObservableCallback(look, observed);
      };
    },
  };
}
