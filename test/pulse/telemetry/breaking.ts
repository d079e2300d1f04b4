import { metrics, propagation, trace, type Meter, type TextMapPropagator } from '@opentelemetry/api';
import { TracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace';

/** An SDK of which every part throws whenever it is used, registered for the whole process. Counts how often that was. */
export function breaking() {
  let times = 0;
  const fail = (): never => {
    times++;
    throw new Error('telemetry is broken');
  };
  const processor: SpanProcessor = {
    onStart: fail,
    onEnd: fail,
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const propagator: TextMapPropagator = { inject: fail, extract: fail, fields: () => [] };
  const instrument = { add: fail, record: fail };
  const meter = {
    createCounter: () => instrument,
    createHistogram: () => instrument,
    createObservableGauge: () => instrument,
    addBatchObservableCallback: fail,
    removeBatchObservableCallback: fail,
  } as unknown as Meter;
  for (const api of [trace, metrics, propagation]) api.disable();
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }));
  propagation.setGlobalPropagator(propagator);
  metrics.setGlobalMeterProvider({ getMeter: () => meter });
  return { times: () => times };
}
