/**
 * A general Mozilla Pulse library: connect, consume, publish. It knows nothing of Taskcluster.
 *
 * @module tcw/pulse
 */
export { binding, type Binding } from './binding.ts';
export { PulseError, type PulseErrorKind } from './errors.ts';
export { checkRoutingKey, matchesPattern, MAX_ROUTING_KEY_BYTES } from './routing-key.ts';
export { Secret } from './secret.ts';
