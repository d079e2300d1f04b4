import { inspect, type InspectOptions } from 'node:util';
import { failuresOf, routesOf, type Failed } from '../topology/attempts.ts';
import type { BindingTable } from '../topology/binding-table.ts';
import type { Binding } from '../topology/binding.ts';
import type { PulseMeta } from '../body/dialect.ts';
import type { QueueSpec } from '../topology/queue.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Delivery } from '../transport/transport.ts';

/** How a message is settled: acknowledged, dropped (or dead-lettered), or put back into its queue at once. */
export type Settlement = 'ack' | 'reject' | 'requeue';

/** How the broker is told. `retry` is a requeue that a quorum queue counts. */
export type BrokerSettlement = Settlement | 'retry';

/**
 * One message, to be settled exactly once. Settling it again, or after its channel is gone, does nothing and returns false:
 * the broker delivers the message again by itself. `console.log` shows exchange, routing key, redelivery and body.
 *
 * `By` is for the compiler and need not be named. As `(body: T) => T` it stands for exactly `T`, so that `cameBy` can rule
 * out the other bindings.
 */
export interface PulseMessage<T = unknown, By = unknown> {
  readonly body: T;
  /** The body's bytes as delivered: UTF-8 JSON, in which no number is rounded yet. */
  readonly content: Uint8Array;
  readonly exchange: string;
  readonly routingKey: string;
  /** Further routing keys under which it was published (`CC`). */
  readonly routes: readonly string[];
  /**
   * Integers are numbers, or bigints where a number would not be exact. Bytes and text that is not UTF-8 are a `Buffer`.
   * Timestamps are `{ '!': 'timestamp', value }`, in seconds, and decimals `{ '!': 'decimal', value: { places, digits } }`.
   */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
  /** The `_meta` object of mozillapulse, for a binding of that dialect. */
  readonly meta?: PulseMeta | undefined;
  /** Whether it was delivered before, to any consumer. */
  readonly redelivered: boolean;
  /** The number of this attempt, from 1, as far as is known; see `handle`. */
  readonly attempt: number;
  /** The first of {@link bindings}: one that matches its routing key comes before one that matches a CC key. */
  readonly binding: Binding | undefined;
  /** All bindings that match and accept its body. Empty if it came by an earlier binding or by `BCC`. */
  readonly bindings: readonly Binding[];
  /** How it was settled; undefined before. */
  readonly settlement: Settlement | undefined;
  readonly settled: boolean;
  /** Never set: it ties `By` to the message for the compiler. */
  readonly byType?: By;
  /**
   * Whether a binding is among {@link bindings}. The compiler then knows the type of the body; otherwise it knows that the
   * body belongs to another binding of the consumer, as far as their types differ.
   */
  cameBy<U>(binding: Binding<U>): this is PulseMessage<U, (body: U) => U>;
  ack(): boolean;
  /** Drops the message, or dead-letters it where the queue says so. */
  reject(): boolean;
  /** Puts it back at once. A message that always comes straight back makes a hot loop: 1,000 rounds in 0.2 s. */
  requeue(): boolean;
}

/** Where messages come from, and where their outcomes go: a consumer on one channel. */
export interface Origin {
  /** The queue's full name. */
  readonly queue: string;
  readonly spec: QueueSpec;
  readonly table: BindingTable;
  readonly telemetry: Telemetry | undefined;
  /** The requirements of a `handle` that the consumer knows. */
  readonly requirements: object | undefined;
  /** Returns false if it comes too late. */
  settle(delivery: Delivery, settlement: BrokerSettlement): boolean;
  /** Publishes a copy with the number of failures to the same queue. Returns whether the broker has it. */
  republish(delivery: Delivery, failed: Failed): Promise<boolean>;
  /**
   * Excludes a held message from the prefetch while it waits for its time. Returns false if too many are held, so that it uses
   * up prefetch all the same.
   */
  excludeFromPrefetch(delivery: Delivery, excluded: boolean): boolean;
  /** Whether the channel is gone, and its unsettled messages with it. */
  readonly lost: boolean;
  /** Calls back when the channel is lost. Returns a function that unsubscribes. */
  onLost(lost: () => void): () => void;
}

/** A message as it was delivered. A class instead of closures, since there are tens of thousands a second. */
export class DeliveredMessage<T> implements PulseMessage<T> {
  readonly body: T;
  readonly meta: PulseMeta | undefined;
  readonly #delivery: Delivery;
  readonly #origin: Origin;
  #bindings: readonly Binding[] | undefined;
  #settlement: Settlement | undefined;
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

  /** The delivery and the origin of a message that comes from `consume`. */
  static sourceOf(message: PulseMessage): { delivery: Delivery; origin: Origin } | undefined {
    if (!(#delivery in message)) return undefined;
    return { delivery: message.#delivery, origin: message.#origin };
  }

  /** Gives a message back in a way that a quorum queue counts. */
  static giveBackCounted(message: PulseMessage): boolean {
    return #delivery in message ? message.#settle('requeue', 'retry') : message.requeue();
  }

  /** Whether a message was settled after its channel was gone. */
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

  get settlement(): Settlement | undefined {
    return this.#settlement;
  }

  get settled(): boolean {
    return this.#settlement !== undefined;
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

  /** What `console.log` shows: no header, which may hold a token, and nothing internal. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { exchange, routingKey, redelivered, attempt, settlement, body, meta } = this;
    const shown = {
      exchange,
      routingKey,
      redelivered,
      ...(attempt > 1 && { attempt }),
      ...(settlement && { settlement }),
      body,
      ...(meta && { meta }),
    };
    return `PulseMessage ${inspect(shown, options)}`;
  }

  #settle(settlement: Settlement, toBroker: BrokerSettlement): boolean {
    if (this.#settlement !== undefined) return false;
    this.#settlement = settlement;
    this.#late = !this.#origin.settle(this.#delivery, toBroker);
    return !this.#late;
  }
}
