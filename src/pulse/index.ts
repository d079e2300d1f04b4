/**
 * A general Mozilla Pulse library: connect, consume, publish. It knows nothing of Taskcluster.
 *
 * @module tcw/pulse
 */
export { Secret, type Backoff } from '../base/index.ts';
export type { AmqpOptions } from './amqp/transport.ts';
export { DEFAULT_BACKOFF } from './backoff.ts';
export { binding, type Binding, type BindingKey } from './binding.ts';
export type { BodyCheck, BodySchema } from './body-check.ts';
export { connect } from './connect.ts';
export type { ConsumerGauge } from './consume.ts';
export {
  CONSUMER_TIMEOUT_MS,
  PULSE_GUARDIAN,
  type ConsumeOptions,
  type ConsumerEvent,
  type HeldLong,
  type MessageOf,
  type OnBadMessage,
  type PreviousBindings,
  type QueueLong,
  type Watch,
} from './consume-options.ts';
export {
  endpointFrom,
  PRODUCTION_URL,
  type Credentials,
  type CredentialSources,
  type Endpoint,
} from './credentials.ts';
export type { Dialect, PulseMeta } from './dialect.ts';
export { PulseError, type PulseErrorKind } from './errors.ts';
export type { ExchangePublisher } from './exchange-publisher.ts';
export { handle } from './handle.ts';
export type {
  Around,
  HandleEvent,
  HandleOptions,
  Handler,
  HandlerContext,
  HandleResult,
} from './handle-options.ts';
export { JsonText } from './json-text.ts';
export { managementBindings, type ManagementApi } from './management.ts';
export { MemoryBroker } from './memory/broker.ts';
export { memoryTransport } from './memory/transport.ts';
export type { Outcome, PulseMessage } from './message.ts';
export type {
  LargeBody,
  PublishBounds,
  PublisherGauge,
  PublisherOptions,
  PublishOptions,
  PublishResult,
} from './publish-options.ts';
export type { AroundFailed, AroundPublish, Pulse, PulseGauges, PulseOptions, PulseWarning } from './pulse.ts';
export type { PulseQueue } from './queue-admin.ts';
export {
  deadLetterQueue,
  ephemeralQueue,
  namedQueue,
  type DeadLetterSpec,
  type EphemeralQueueOptions,
  type NamedQueueOptions,
  type QueueSpec,
} from './queue.ts';
export type { RetryPolicy } from './retry-policy.ts';
export { checkRoutingKey, matchesPattern, MAX_ROUTING_KEY_BYTES } from './routing-key.ts';
export type { PulseState } from './state.ts';
export type * from './transport.ts';
export { deadLetter, reject, retryLater, Verdict } from './verdict.ts';
