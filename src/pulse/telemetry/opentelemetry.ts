import { createRequire } from 'node:module';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** Where version 1 of the API keeps what SDKs register, whichever copy of it they use. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

let loaded: OpenTelemetry | undefined;

/**
 * OpenTelemetry's API, once an SDK has registered anything with it. Until then the API does nothing, and to load it would make
 * up a tenth of a small consumer's start.
 */
export function openTelemetry(): OpenTelemetry | undefined {
  if (loaded || !(REGISTERED in globalThis)) return loaded;
  const require = createRequire(import.meta.url);
  return (loaded = require('@opentelemetry/api') as OpenTelemetry);
}
