import type { Observable } from 'rxjs';
import type { Binding } from '../topology/binding.ts';
import type { PulseError } from '../errors.ts';
import type { PulseMessage, Settlement } from './message.ts';
import type { QueueSpec } from '../topology/queue.ts';
import type { PreviousBindings, TopologyEvent } from '../topology/topology.ts';
import type { Delivery } from '../transport/transport.ts';

/** Which messages to consume, and how. */
export interface ConsumeOptions<T> {
  readonly queue: QueueSpec;
  readonly bindings: readonly Binding<T>[];
  /**
   * Earlier bindings of a named queue: a list, or a function that looks them up (`managementBindings`). On each
   * connection, the consumer makes all `bindings` and then removes the earlier ones that are not among them. AMQP
   * itself cannot list bindings. Without a list or a management API, put a version into the queue's name and let the
   * old queue expire.
   */
  readonly previousBindings?: PreviousBindings | undefined;
  /** How many messages may be unsettled at a time: 1 to 65,535. Default: 10, or twice the concurrency of `handle`. */
  readonly prefetch?: number | undefined;
  /**
   * Replaces `prefetch`. Emits how many more messages are wanted now; the consumer starts with 0. A demand of 0 or
   * less pauses the consumer and keeps the queue from expiring. Subtract the messages in progress, so that the demand
   * falls as soon as a message arrives. Messages that are already on their way when the demand falls are given back.
   */
  readonly demand$?: Observable<number> | undefined;
  /**
   * Pauses a consumer with a `prefetch` while the last emitted value is true. Messages on their way are given back,
   * and the queue is kept from expiring. Messages that arrived earlier can still be settled.
   */
  readonly paused$?: Observable<boolean> | undefined;
  /**
   * The consumer's priority among the consumers of its queue. While one of a higher priority accepts messages, the others
   * receive none. Default: 0, like consumers without a priority.
   */
  readonly priority?: number | undefined;
  /**
   * The first value stops the consumer. No further message arrives, and the stream completes when the broker has
   * confirmed. Messages that arrived earlier can still be settled. Unsubscribing requeues them instead.
   */
  readonly until$?: Observable<unknown> | undefined;
  /**
   * How to settle a message whose body is too long, is not JSON, or is not accepted by its binding. Default:
   * `reject`. The option of `handle` takes precedence.
   */
  readonly onBadMessage?: OnBadMessage | undefined;
  /**
   * Maximum size of a body in bytes. A message with a longer body counts as bad and is not parsed. Default: 16 MiB.
   * Parsed JSON takes up to twenty times its length in memory, and the consumer may hold as many messages as the
   * prefetch.
   */
  readonly maxBodyBytes?: number | undefined;
  /** Receives the consumer's events. */
  readonly onEvent?: ((event: ConsumerEvent) => void) | undefined;
  /** When to warn; see {@link Watch}. */
  readonly watch?: Partial<Watch> | undefined;
}

/**
 * How to settle a message with a bad body: one settlement for all messages, or a function that decides for each
 * message. The consumer holds a message for a second before it requeues it. The held message does not use up
 * prefetch.
 */
export type OnBadMessage = Settlement | ((delivery: Delivery, problems: readonly string[]) => Settlement);

/** Settings for a consumer's regular checks, which warn before the broker or PulseGuardian acts. */
export interface Watch {
  /** Interval between checks, in ms. Default: 60 s. */
  readonly everyMs: number;
  /**
   * Warn if a message is held for this time, in ms. Default: 20 minutes. After 30 minutes, RabbitMQ closes the
   * channel (before 4.3) or ends the consumer (since 4.3, for a quorum queue).
   */
  readonly heldMs: number;
  /**
   * Warn if the queue has this number of messages. Default: 1,500. PulseGuardian warns at 2,000 and deletes at 8,000.
   */
  readonly depth: number;
}

/**
 * The type of a message from any of these bindings. Without bindings, the body is `unknown`.
 *
 * Bindings with a unique body type are branded, so that `cameBy` can narrow the type. The compiler cannot distinguish
 * bindings with the same body type.
 */
export type MessageOf<B extends readonly Binding[]> = [B[number]] extends [never]
  ? PulseMessage
  : B extends readonly [Binding<infer T>]
    ? PulseMessage<T>
    : number extends B['length']
      ? Unordered<B[number], B[number]>
      : {
          [I in keyof B]: Marked<B[I], { [J in keyof B]: J extends I ? never : Alike<B[I], B[J]> }[number]>;
        }[number];

/** In an array of unknown length, a type that all others extend is not branded. */
type Unordered<B, All> =
  B extends Binding<infer T> ? Marked<B, [All] extends [Binding<T>] ? true : never> : never;
type Marked<B, Shared> =
  B extends Binding<infer T>
    ? true extends Shared
      ? PulseMessage<T>
      : PulseMessage<T, (body: T) => T>
    : never;
type Alike<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

/** An event of a consumer. */
export type ConsumerEvent =
  /**
   * The broker has confirmed the consumer, or the consumer starts paused. Emitted on the first start and on each
   * restart.
   */
  | { readonly type: 'consuming'; readonly queue: string }
  /**
   * A new ephemeral queue replaces a lost one. Messages published in between do not arrive. Emitted before the first
   * message of the new queue.
   */
  | { readonly type: 'gap'; readonly queue: string }
  | { readonly type: 'interrupted'; readonly error: PulseError }
  | { readonly type: 'bad-message'; readonly delivery: Delivery; readonly problems: readonly string[] }
  /** A message was settled after its channel was lost; the broker delivers it again. */
  | { readonly type: 'settled-late'; readonly routingKey: string }
  | TopologyEvent
  | ConsumerWarning;

/** A warning from a consumer. */
export type ConsumerWarning = QueueLong | HeldLong | MaxLengthTooHigh;

/**
 * A queue approaches PulseGuardian's limits. Emitted once, and again only after the queue has shrunk to half of
 * `depth`.
 */
export interface QueueLong {
  readonly type: 'queue-long';
  readonly queue: string;
  /** Waiting messages plus the messages that this consumer holds. PulseGuardian counts both. */
  readonly messages: number;
  readonly warnedAt: typeof PULSE_GUARDIAN.warnsAt;
  readonly deletedAt: typeof PULSE_GUARDIAN.deletesAt;
}

/** A message has been held so long that the broker will soon take it back. Emitted once for each oldest message. */
export interface HeldLong {
  readonly type: 'held-long';
  readonly queue: string;
  readonly heldMs: number;
  /** RabbitMQ's default limit, in ms. */
  readonly limitMs: typeof CONSUMER_TIMEOUT_MS;
}

/** A queue's `maxLength` is so high that PulseGuardian deletes the queue before the limit takes effect. */
export interface MaxLengthTooHigh {
  readonly type: 'max-length-too-high';
  readonly queue: string;
  readonly maxLength: number;
  readonly deletedAt: typeof PULSE_GUARDIAN.deletesAt;
}

/**
 * The numbers of messages, unsettled ones included, at which PulseGuardian warns a queue's owner and deletes the
 * queue.
 */
export const PULSE_GUARDIAN = { warnsAt: 2_000, deletesAt: 8_000 } as const;
/** AMQP encodes a prefetch in 16 bits. */
export const MAX_PREFETCH = 65_535;
/** RabbitMQ's default `consumer_timeout`. */
export const CONSUMER_TIMEOUT_MS = 1_800_000;
