/**
 * A general Mozilla Pulse library: connect, consume, publish. It knows nothing of Taskcluster.
 *
 * @module tcw/pulse
 */
export { Secret, type Backoff } from '../base/index.ts';
export type { AmqpOptions } from './transport/amqp/transport.ts';
export { DEFAULT_BACKOFF } from './session/backoff.ts';
export { binding, type Binding, type BindingKey } from './topology/binding.ts';
export type { BodyCheck, BodySchema } from './body/body-check.ts';
export { connect } from './connect.ts';
export type { ConsumerGauge } from './consume/consume.ts';
export {
  CONSUMER_TIMEOUT_MS,
  PULSE_GUARDIAN,
  type ConsumeOptions,
  type ConsumerEvent,
  type HeldLong,
  type MessageOf,
  type OnBadMessage,
  type QueueLong,
  type Watch,
} from './consume/consume-options.ts';
export {
  endpointFrom,
  PRODUCTION_URL,
  type Credentials,
  type CredentialSources,
  type Endpoint,
} from './transport/credentials.ts';
export type { Dialect, PulseMeta } from './body/dialect.ts';
export { PulseError, type PulseErrorKind } from './errors.ts';
export type { ExchangePublisher } from './publish/exchange-publisher.ts';
export { handle } from './handle/handle.ts';
export type {
  Around,
  HandleEvent,
  HandleOptions,
  Handler,
  HandlerContext,
  HandleResult,
} from './handle/handle-options.ts';
export { JsonText } from './body/json-text.ts';
export { managementBindings, type ManagementApi } from './topology/management.ts';
export { MemoryBroker } from './transport/memory/broker.ts';
export { memoryTransport } from './transport/memory/transport.ts';
export type { Settlement, PulseMessage } from './consume/message.ts';
export type {
  LargeBody,
  PublishBounds,
  PublishGauge,
  PublisherOptions,
  PublishOptions,
  PublishResult,
} from './publish/publish-options.ts';
export type { AroundFailed, AroundPublish, Pulse, PulseGauges, PulseOptions, PulseWarning } from './pulse.ts';
export type { PulseQueue } from './topology/queue-admin.ts';
export {
  deadLetterQueue,
  ephemeralQueue,
  namedQueue,
  type DeadLetterSpec,
  type EphemeralQueueOptions,
  type NamedQueueOptions,
  type QueueSpec,
} from './topology/queue.ts';
export type { PreviousBindings, TopologyEvent } from './topology/topology.ts';
export type { RetryPolicy } from './handle/retry-policy.ts';
export { checkRoutingKey, matchesPattern, MAX_ROUTING_KEY_BYTES } from './transport/routing-key.ts';
export type { PulseState } from './session/state.ts';
export type * from './transport/transport.ts';
export { deadLetter, reject, retryLater, Verdict } from './verdict.ts';
