import type { Observable } from 'rxjs';
import type { Binding } from '../topology/binding.ts';
import type { PulseError } from '../errors.ts';
import type { Settlement, PulseMessage } from './message.ts';
import type { QueueSpec } from '../topology/queue.ts';
import type { PreviousBindings, TopologyEvent } from '../topology/topology.ts';
import type { Delivery } from '../transport/transport.ts';

/** What to consume, and how. */
export interface ConsumeOptions<T> {
  readonly queue: QueueSpec;
  readonly bindings: readonly Binding<T>[];
  /**
   * What a named queue may still be bound to from before: a list, or how to find out (`managementBindings`). What of
   * it is not among `bindings` is unbound, after these are bound, at each connection. AMQP itself can list nothing: with
   * neither a list nor a management API, put a version into the queue's name instead and let the old queue expire.
   */
  readonly previousBindings?: PreviousBindings | undefined;
  /** How many messages may be unsettled at a time: 1 to 65,535. 10 by default, or twice the concurrency of `handle`. */
  readonly prefetch?: number | undefined;
  /**
   * Instead of a fixed `prefetch`: how many more messages are wanted now, nothing until it says so. 0 (or less)
   * pauses, and then the queue is kept from expiring. Subtract what is being worked on: a message that arrives has
   * to lower the demand at once. What is under way when it falls is given back.
   */
  readonly demand$?: Observable<number> | undefined;
  /**
   * Beside a `prefetch`: while the last said is true, nothing is consumed, and what is under way is given back. The
   * queue is kept from expiring. What is held may be settled.
   */
  readonly paused$?: Observable<boolean> | undefined;
  /**
   * Its first item stops the consumer: no message comes any more, and the stream completes when the broker has
   * confirmed. Messages that came before can still be settled. To unsubscribe instead requeues them.
   */
  readonly until$?: Observable<unknown> | undefined;
  /**
   * What becomes of a message whose body is too long, not JSON, or not what its binding promises. `reject` by default. That of `handle`
   * comes before it.
   */
  readonly onBadMessage?: OnBadMessage | undefined;
  /**
   * A message with a longer body is a bad one, and is not parsed: 16 MiB by default. JSON takes up to twenty times its length in memory,
   * and as many messages as the prefetch may be held.
   */
  readonly maxBodyBytes?: number | undefined;
  /** What happens to the consumer, apart from messages. */
  readonly onEvent?: ((event: ConsumerEvent) => void) | undefined;
  /** When to warn; see {@link Watch}. */
  readonly watch?: Partial<Watch> | undefined;
}

/**
 * What becomes of a message with a bad body: one outcome for all, or a function that looks at each. What is requeued is held
 * for a second before, outside of the prefetch.
 */
export type OnBadMessage = Settlement | ((delivery: Delivery, problems: readonly string[]) => Settlement);

/** What a consumer looks at now and then, to warn before somebody else acts. */
export interface Watch {
  /** How often to look, in ms: 60 s by default. */
  readonly everyMs: number;
  /**
   * Warn of a message that has been held for so long, in ms: 20 minutes by default. RabbitMQ closes the channel (before
   * 4.3) or ends the consumer (from 4.3, on a quorum queue) at 30.
   */
  readonly heldMs: number;
  /** Warn of a queue with so many messages: 1,500 by default. PulseGuardian warns at 2,000 and deletes at 8,000. */
  readonly depth: number;
}

/**
 * The message of any of these bindings; without any, nothing is known of it.
 *
 * Those whose types no other of them has are marked, so that `cameBy` can rule them out. Of two that are alike it cannot
 * say which is left when it is not the one: neither is ruled out then.
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

/** Of a list that is not known one by one, the type that all the others fit is not marked. */
type Unordered<B, All> =
  B extends Binding<infer T> ? Marked<B, [All] extends [Binding<T>] ? true : never> : never;
type Marked<B, Shared> =
  B extends Binding<infer T>
    ? true extends Shared
      ? PulseMessage<T>
      : PulseMessage<T, (body: T) => T>
    : never;
type Alike<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

/** What happens to a consumer, apart from messages. */
export type ConsumerEvent =
  /** Bound and consuming (or paused by its demand), for the first time or again. */
  | { readonly type: 'consuming'; readonly queue: string }
  /**
   * A new ephemeral queue replaces a lost one: what was published in between never arrives. Told before the first
   * message of the new one.
   */
  | { readonly type: 'gap'; readonly queue: string }
  | { readonly type: 'interrupted'; readonly error: PulseError }
  | { readonly type: 'bad-message'; readonly delivery: Delivery; readonly problems: readonly string[] }
  /** A message was settled after its channel had gone; the broker delivers it again. */
  | { readonly type: 'settled-late'; readonly routingKey: string }
  | TopologyEvent
  | QueueLong
  | HeldLong;

/** A queue grows towards the limits of PulseGuardian. Told once, and again after it had shrunk to half. */
export interface QueueLong {
  readonly type: 'queue-long';
  readonly queue: string;
  /** Messages that wait, and those that this consumer holds: PulseGuardian counts both. */
  readonly messages: number;
  readonly warnedAt: typeof PULSE_GUARDIAN.warnsAt;
  readonly deletedAt: typeof PULSE_GUARDIAN.deletesAt;
}

/** A message is held for so long that the broker will take it back soon. Told once for each oldest message. */
export interface HeldLong {
  readonly type: 'held-long';
  readonly queue: string;
  readonly heldMs: number;
  /** When RabbitMQ acts, in ms, unless its operators have said otherwise. */
  readonly limitMs: typeof CONSUMER_TIMEOUT_MS;
}

/** How many messages of a queue, unsettled ones included, make PulseGuardian write to its owner and delete it. */
export const PULSE_GUARDIAN = { warnsAt: 2_000, deletesAt: 8_000 } as const;
/** AMQP says a prefetch in 16 bits. */
export const MAX_PREFETCH = 65_535;
/** RabbitMQ's default `consumer_timeout`. */
export const CONSUMER_TIMEOUT_MS = 1_800_000;
