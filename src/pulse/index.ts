/**
 * A general Mozilla Pulse library: connect, consume, publish. It knows nothing of Taskcluster.
 *
 * @module tcw/pulse
 */
export { DEFAULT_BACKOFF, fullJitter, type Backoff } from './backoff.ts';
export { binding, type Binding } from './binding.ts';
export { connect, type Pulse, type PulseOptions } from './connect.ts';
export type { ConsumeOptions, ConsumerEvent } from './consume-options.ts';
export { endpointFrom, PRODUCTION_URL, type CredentialSources, type Endpoint } from './credentials.ts';
export { PulseError, type PulseErrorKind } from './errors.ts';
export { MemoryBroker } from './memory/broker.ts';
export { memoryTransport } from './memory/transport.ts';
export type { Outcome, PulseMessage } from './message.ts';
export type { PublishOptions } from './publish.ts';
export { ephemeralQueue, namedQueue, type QueueSpec } from './queue.ts';
export { checkRoutingKey, matchesPattern, MAX_ROUTING_KEY_BYTES } from './routing-key.ts';
export { Secret } from './secret.ts';
export type { PulseState } from './state.ts';
export type * from './transport.ts';
