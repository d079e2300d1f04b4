/**
 * A library for Mozilla Pulse: connect, consume, publish. It is independent of Taskcluster.
 *
 * @module tcw/pulse
 */
export { Secret, type Backoff } from '../base/index.ts';
export type { AmqpOptions } from './transport/amqp/transport.ts';
export { DEFAULT_BACKOFF } from './session/backoff.ts';
export { binding, type Binding, type BindingKey, type BindingOptions } from './topology/binding.ts';
export type { BodyCheck, BodySchema } from './body/body-check.ts';
export { connect } from './connect.ts';
export type { ConsumerGauge } from './consume/consume.ts';
export {
  CONSUMER_TIMEOUT_MS,
  PULSE_GUARDIAN,
  type ConsumeOptions,
  type ConsumerEvent,
  type ConsumerWarning,
  type HeldLong,
  type MaxLengthTooHigh,
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
  BatchContext,
  BatchHandleOptions,
  BatchHandler,
  BatchOptions,
  CommonHandleOptions,
  HandleEvent,
  HandleOptions,
  Handler,
  HandlerContext,
  HandleResult,
} from './handle/handle-options.ts';
export type { HandleBatchesOptions, HandleMessagesOptions } from './handle/handle-until-stopped.ts';
export { JsonText } from './body/json-text.ts';
export { managementBindings, type ManagementApi } from './topology/management.ts';
export type { PulseMessage, Settlement } from './consume/message.ts';
export type { Messages, MessagesOptions } from './consume/messages.ts';
export type {
  AroundFailed,
  AroundPublish,
  LargeBody,
  PublishBounds,
  PublisherOptions,
  PublishOptions,
} from './publish/publish-options.ts';
export type { PublishGauge, PublishResult } from './publish-result.ts';
export type { CloseOptions, Pulse, PulseGauges, PulseOptions, PulseWarning, ReadyOptions } from './pulse.ts';
export type { LogFunction, PulseLogger } from './telemetry/log.ts';
export type { PulseQueue } from './topology/queue-admin.ts';
export {
  deadLetterQueue,
  ephemeralQueue,
  namedQueue,
  type DeadLetterOptions,
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
