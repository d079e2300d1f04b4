import { failuresOf, routesOf, type Failed } from '../topology/attempts.ts';
import type { BindingTable } from '../topology/binding-table.ts';
import type { Binding } from '../topology/binding.ts';
import type { PulseMeta } from '../body/dialect.ts';
import type { QueueSpec } from '../topology/queue.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Delivery } from '../transport/transport.ts';

/** What becomes of a message: done with, dropped (or dead-lettered), or given to somebody else at once. */
export type Outcome = 'ack' | 'reject' | 'requeue';

/** What is said to the broker. `retry` is a requeue that a quorum queue counts. */
export type Settlement = Outcome | 'retry';

/**
 * One message, to be settled exactly once. Settling it again, or after its channel is gone, does nothing and
 * returns false: the broker has it back by then, and an answer on another channel would settle another message.
 *
 * `By` is for the compiler, and need not be named. Where it is `(body: T) => T` it stands for `T` alone, which neither a wider
 * nor a narrower type fits: that a message came by no binding of one body says nothing of bodies that have more, or less.
 */
export interface PulseMessage<T = unknown, By = unknown> {
  readonly body: T;
  /** The bytes that were delivered: UTF-8 JSON, in which no number has been rounded yet. */
  readonly content: Uint8Array;
  readonly exchange: string;
  readonly routingKey: string;
  /** The further routing keys it was published under (`CC`). */
  readonly routes: readonly string[];
  /**
   * Integers are numbers, or bigints where a number would not be exact. Bytes, and text that is not UTF-8, are a `Buffer`.
   * Timestamps are `{ '!': 'timestamp', value }`, in seconds, and decimals `{ '!': 'decimal', value: { places, digits } }`.
   */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
  /** What mozillapulse wrote beside the body, for a binding of that dialect. */
  readonly meta?: PulseMeta | undefined;
  /** Delivered before, to somebody. Not a counter. */
  readonly redelivered: boolean;
  /** Which try this is, from 1, as far as is known: see `handle`. */
  readonly attempt: number;
  /** The binding that it came by: of those that fit, one that fits its routing key before one that fits a CC key. */
  readonly binding: Binding | undefined;
  /** All bindings that fit and took its body. None when it came by one that is not asked for any more, or by `BCC`. */
  readonly bindings: readonly Binding[];
  /** What was said of it, once something was. */
  readonly outcome: Outcome | undefined;
  readonly settled: boolean;
  /** Never set: it only ties `By` to the message for the compiler. */
  readonly byType?: By;
  /**
   * Whether a binding is among {@link bindings}: for the compiler, the body is of its type then. When it is not, the body is
   * that of another of the consumer's bindings, as far as their types can be told apart.
   */
  cameBy<U>(binding: Binding<U>): this is PulseMessage<U, (body: U) => U>;
  ack(): boolean;
  /** Drops the message, or dead-letters it where the queue says so. */
  reject(): boolean;
  /** Puts it back at once. Requeuing what comes straight back is a hot loop: 1,000 rounds in 0.2 s. */
  requeue(): boolean;
}

/** Where messages come from, and where their outcomes go: a consumer on one channel. */
export interface Origin {
  /** The queue's full name. */
  readonly queue: string;
  readonly spec: QueueSpec;
  readonly table: BindingTable;
  readonly telemetry: Telemetry | undefined;
  /** What the consumer goes by, where a `handle` asked for something. */
  readonly wishes: object | undefined;
  /** Returns false when it comes too late. */
  settle(delivery: Delivery, settlement: Settlement): boolean;
  /** Publishes a copy with its count of failures to the same queue; returns whether the broker has it. */
  republish(delivery: Delivery, failed: Failed): Promise<boolean>;
  /**
   * Says that a held message waits for its time, outside of the prefetch, or does so no more. Returns false when so much
   * is held that it takes a place all the same.
   */
  park(delivery: Delivery, parked: boolean): boolean;
  /** Whether the channel has gone, and with it all that is unsettled. */
  readonly lost: boolean;
  /** Calls back when the channel goes, and with it all that is unsettled. Returns how to be forgotten. */
  onLost(lost: () => void): () => void;
}

/** A message as it was delivered. A class, not closures: there are tens of thousands a second. */
export class DeliveredMessage<T> implements PulseMessage<T> {
  readonly body: T;
  readonly meta: PulseMeta | undefined;
  readonly #delivery: Delivery;
  readonly #origin: Origin;
  #bindings: readonly Binding[] | undefined;
  #outcome: Outcome | undefined;
  #late = false;

  constructor(
    delivery: Delivery,
    origin: Origin,
    body: T,
    meta: PulseMeta | undefined,
    bindings: readonly Binding[] | undefined,
  ) {
    this.body = body;
    this.meta = meta;
    this.#delivery = delivery;
    this.#origin = origin;
    this.#bindings = bindings;
  }

  /** The delivery and the origin of a message, when it is one of ours. */
  static sourceOf(message: PulseMessage): { delivery: Delivery; origin: Origin } | undefined {
    if (!(#delivery in message)) return undefined;
    return { delivery: message.#delivery, origin: message.#origin };
  }

  /** Gives a message back in a way that a quorum queue counts. */
  static giveBackCounted(message: PulseMessage): boolean {
    return #delivery in message ? message.#settle('requeue', 'retry') : message.requeue();
  }

  /** Whether a message was settled when its channel had gone. */
  static settledLate(message: PulseMessage): boolean {
    return #delivery in message && message.#late;
  }

  get content(): Uint8Array {
    return this.#delivery.content;
  }

  get exchange(): string {
    return this.#delivery.exchange;
  }

  get routingKey(): string {
    return this.#delivery.routingKey;
  }

  get routes(): readonly string[] {
    return routesOf(this.#delivery.headers);
  }

  get headers(): Readonly<Record<string, unknown>> {
    return this.#delivery.headers;
  }

  get messageId(): string | undefined {
    return this.#delivery.messageId;
  }

  get redelivered(): boolean {
    return this.#delivery.redelivered;
  }

  get attempt(): number {
    return failuresOf(this.#delivery, this.#origin.spec) + 1;
  }

  get bindings(): readonly Binding[] {
    return (this.#bindings ??= this.#origin.table.matching(this.#delivery));
  }

  get binding(): Binding | undefined {
    return this.bindings[0];
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  get settled(): boolean {
    return this.#outcome !== undefined;
  }

  cameBy<U>(binding: Binding<U>): this is PulseMessage<U, (body: U) => U> {
    return this.bindings.includes(binding);
  }

  ack(): boolean {
    return this.#settle('ack', 'ack');
  }

  reject(): boolean {
    return this.#settle('reject', 'reject');
  }

  requeue(): boolean {
    return this.#settle('requeue', 'requeue');
  }

  #settle(outcome: Outcome, settlement: Settlement): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    this.#late = !this.#origin.settle(this.#delivery, settlement);
    return !this.#late;
  }
}
