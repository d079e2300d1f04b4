import { context, metrics, propagation, trace, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** One series of a metric, as it was last exported. */
interface Series {
  readonly attributes: Attributes;
  /** A number, or a histogram's count. */
  readonly value: number;
}

/** An SDK that keeps what it is told, registered for the whole process until `stop`. */
export function recording() {
  const spans = new InMemorySpanExporter();
  const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  // It exports when it is told to, long before that.
  const reader = new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 1_000_000 });
  const meters = new MeterProvider({ readers: [reader] });
  trace.setGlobalTracerProvider(tracers);
  metrics.setGlobalMeterProvider(meters);
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    spans: () => spans.getFinishedSpans(),
    span: (name: string) => spans.getFinishedSpans().find(span => span.name === name),
    async metric(name: string): Promise<Series[]> {
      points.reset();
      await meters.forceFlush();
      const all = points.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      const found = all.flatMap(scope => scope.metrics).find(({ descriptor }) => descriptor.name === name);
      return (found?.dataPoints ?? []).map(({ attributes, value }) => ({
        attributes,
        value: typeof value === 'number' ? value : value.count,
      }));
    },
    async stop() {
      for (const api of [trace, metrics, propagation, context]) api.disable();
      await Promise.all([tracers.shutdown(), meters.shutdown()]);
    },
  };
}
