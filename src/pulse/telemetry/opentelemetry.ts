import { createRequire } from 'node:module';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** The global under which all copies of the API's version 1 store what SDKs register. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

let loaded: OpenTelemetry | undefined;

/**
 * Returns the OpenTelemetry API once an SDK has registered anything with it. Until then, the API does nothing, and
 * loading it would take a tenth of the start time of a small consumer.
 */
export function openTelemetry(): OpenTelemetry | undefined {
  if (loaded || !(REGISTERED in globalThis)) return loaded;
  const require = createRequire(import.meta.url);
  return (loaded = require('@opentelemetry/api') as OpenTelemetry);
}
