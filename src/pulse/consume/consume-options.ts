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
   * Earlier bindings of a named queue: a list, or a function that looks them up (`managementBindings`). Those that are not
   * among `bindings` are removed at each connection, after `bindings` are made. AMQP cannot list bindings. Without a list and
   * without a management API, put a version into the name of the queue and let the old queue expire.
   */
  readonly previousBindings?: PreviousBindings | undefined;
  /** How many messages may be unsettled at a time: 1 to 65,535. 10 by default; `handle` sets twice its concurrency. */
  readonly prefetch?: number | undefined;
  /**
   * Replaces `prefetch`: how many more messages are wanted now, starting with 0. A demand of 0 or less pauses the consumer and
   * keeps the queue from expiring. Subtract the messages in progress: the demand must fall as soon as a message arrives.
   * Messages that are on their way when it falls are given back.
   */
  readonly demand$?: Observable<number> | undefined;
  /**
   * Pauses a consumer that has a `prefetch` while its last value is true. Messages on their way are given back, and the queue
   * is kept from expiring. Messages that arrived before can still be settled.
   */
  readonly paused$?: Observable<boolean> | undefined;
  /**
   * Its first value stops the consumer: no further message arrives, and the stream completes when the broker has confirmed.
   * Messages that arrived before can still be settled. Unsubscribing requeues them instead.
   */
  readonly until$?: Observable<unknown> | undefined;
  /**
   * How to settle a message whose body is too long, not JSON, or not accepted by its binding: `reject` by default. The option of
   * `handle` takes precedence.
   */
  readonly onBadMessage?: OnBadMessage | undefined;
  /**
   * A message with a longer body counts as bad and is not parsed: 16 MiB by default. Parsed JSON takes up to twenty times its
   * length in memory, and as many messages as the prefetch may be held.
   */
  readonly maxBodyBytes?: number | undefined;
  /** Receives events of the consumer, apart from messages. */
  readonly onEvent?: ((event: ConsumerEvent) => void) | undefined;
  /** When to warn; see {@link Watch}. */
  readonly watch?: Partial<Watch> | undefined;
}

/**
 * How to settle a message with a bad body: one way for all, or a function that decides for each. A requeued message is held for
 * a second first, outside of the prefetch.
 */
export type OnBadMessage = Settlement | ((delivery: Delivery, problems: readonly string[]) => Settlement);

/** What a consumer checks regularly, so that it can warn before the broker or PulseGuardian acts. */
export interface Watch {
  /** How often to check, in ms: every 60 s by default. */
  readonly everyMs: number;
  /**
   * Warn if a message is held for this time, in ms: 20 minutes by default. After 30 minutes RabbitMQ closes the channel (before
   * 4.3) or ends the consumer (since 4.3, for a quorum queue).
   */
  readonly heldMs: number;
  /** Warn of a queue with this number of messages: 1,500 by default. PulseGuardian warns at 2,000 and deletes at 8,000. */
  readonly depth: number;
}

/**
 * The message of any of these bindings. Without bindings, its body is unknown.
 *
 * A binding whose body type is unique is marked, so that `cameBy` can rule it out. Bindings with the same body type cannot be
 * told apart.
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

/** In an array of unknown length, a type that all others extend is not marked. */
type Unordered<B, All> =
  B extends Binding<infer T> ? Marked<B, [All] extends [Binding<T>] ? true : never> : never;
type Marked<B, Shared> =
  B extends Binding<infer T>
    ? true extends Shared
      ? PulseMessage<T>
      : PulseMessage<T, (body: T) => T>
    : never;
type Alike<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

/** An event of a consumer, apart from messages. */
export type ConsumerEvent =
  /** The broker has confirmed the consumer (or it is paused by its demand), for the first time or again. */
  | { readonly type: 'consuming'; readonly queue: string }
  /**
   * A new ephemeral queue replaces a lost one. Messages published in between never arrive. Emitted before the first message of
   * the new queue.
   */
  | { readonly type: 'gap'; readonly queue: string }
  | { readonly type: 'interrupted'; readonly error: PulseError }
  | { readonly type: 'bad-message'; readonly delivery: Delivery; readonly problems: readonly string[] }
  /** A message was settled after its channel was lost; the broker delivers it again. */
  | { readonly type: 'settled-late'; readonly routingKey: string }
  | TopologyEvent
  | ConsumerWarning;

/** A warning of a consumer. */
export type ConsumerWarning = QueueLong | HeldLong | MaxLengthTooHigh;

/** A queue approaches the limits of PulseGuardian. Emitted once, and again after it had shrunk to half. */
export interface QueueLong {
  readonly type: 'queue-long';
  readonly queue: string;
  /** Waiting messages and those that this consumer holds, since PulseGuardian counts both. */
  readonly messages: number;
  readonly warnedAt: typeof PULSE_GUARDIAN.warnsAt;
  readonly deletedAt: typeof PULSE_GUARDIAN.deletesAt;
}

/** A message is held so long that the broker will soon take it back. Emitted once for each oldest message. */
export interface HeldLong {
  readonly type: 'held-long';
  readonly queue: string;
  readonly heldMs: number;
  /** When RabbitMQ acts by default, in ms. */
  readonly limitMs: typeof CONSUMER_TIMEOUT_MS;
}

/** The `maxLength` of a queue is so high that PulseGuardian deletes the queue before it takes effect. */
export interface MaxLengthTooHigh {
  readonly type: 'max-length-too-high';
  readonly queue: string;
  readonly maxLength: number;
  readonly deletedAt: typeof PULSE_GUARDIAN.deletesAt;
}

/** At these numbers of messages, unsettled ones included, PulseGuardian warns the owner of a queue and deletes the queue. */
export const PULSE_GUARDIAN = { warnsAt: 2_000, deletesAt: 8_000 } as const;
/** AMQP encodes a prefetch in 16 bits. */
export const MAX_PREFETCH = 65_535;
/** RabbitMQ's default `consumer_timeout`. */
export const CONSUMER_TIMEOUT_MS = 1_800_000;
