export { measured } from './measured.ts';
export type { Instruments } from './measures.ts';
export { openTelemetry } from './opentelemetry.ts';
export { prometheus } from './prometheus.ts';
export { diskReadings, readings, type ReadingsOf } from './readings.ts';
export { workerMetricsLines } from './worker-metrics-lines.ts';
