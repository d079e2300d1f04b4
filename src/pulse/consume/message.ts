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

/** A settlement as it is sent to the broker. `retry` is a requeue that a quorum queue counts. */
export type BrokerSettlement = Settlement | 'retry';

/**
 * One message, to be settled exactly once. Settling it a second time, or after its channel is lost, does nothing and
 * returns false. After the loss of its channel, the broker delivers the message again. `console.log` shows the
 * exchange, the routing key, the redelivery flag and the body.
 *
 * `By` is only for the compiler; you need not name it. `(body: T) => T` stands for exactly `T`, so that `cameBy` can
 * rule out the other bindings.
 */
export interface PulseMessage<T = unknown, By = unknown> {
  readonly body: T;
  /** The body's bytes as delivered: UTF-8 JSON, before parsing rounds any number. */
  readonly content: Uint8Array;
  readonly exchange: string;
  readonly routingKey: string;
  /** Additional routing keys under which the message was published (`CC`). */
  readonly routes: readonly string[];
  /**
   * AMQP headers. Integers are numbers, or bigints if a number would not be exact. Bytes, and text that is not UTF-8,
   * are a `Buffer`. Timestamps are `{ '!': 'timestamp', value }`, in seconds. Decimals are
   * `{ '!': 'decimal', value: { places, digits } }`.
   */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
  /** The `_meta` object of the dialect `mozillapulse`. */
  readonly meta?: PulseMeta | undefined;
  /** Whether the message was delivered before, to any consumer. */
  readonly redelivered: boolean;
  /** The number of this attempt, from 1, as far as it is known; see `handle`. */
  readonly attempt: number;
  /** The first of {@link bindings}. Bindings that match the routing key come before those that match a CC key. */
  readonly binding: Binding | undefined;
  /** All bindings that match the message and accept its body. Empty if it came by an earlier binding or by `BCC`. */
  readonly bindings: readonly Binding[];
  /** How the message was settled. Undefined before that. */
  readonly settlement: Settlement | undefined;
  readonly settled: boolean;
  /** Never set. It only tells the compiler about `By`. */
  readonly byType?: By;
  /**
   * Whether the given binding is among {@link bindings}. If so, the compiler knows the type of the body. If not, the
   * compiler knows that the body belongs to another binding of the consumer, as far as their types differ.
   */
  cameBy<U>(binding: Binding<U>): this is PulseMessage<U, (body: U) => U>;
  ack(): boolean;
  /** Drops the message, or dead-letters it if its queue keeps dead letters. */
  reject(): boolean;
  /** Puts the message back at once. A message that is always requeued causes a hot loop: 1,000 rounds in 0.2 s. */
  requeue(): boolean;
}

/** The source of messages and the destination of their outcomes: a consumer on one channel. */
export interface Origin {
  /** The queue's full name. */
  readonly queue: string;
  readonly spec: QueueSpec;
  readonly table: BindingTable;
  readonly telemetry: Telemetry | undefined;
  /** The requirements that the consumer received from `handle`. */
  readonly requirements: object | undefined;
  /** Returns false if it is too late. */
  settle(delivery: Delivery, settlement: BrokerSettlement): boolean;
  /** Publishes a copy to the same queue, with the number of failures. Returns whether the broker has the copy. */
  republish(delivery: Delivery, failed: Failed): Promise<boolean>;
  /**
   * Excludes a held message from the prefetch while it waits until it is due. Returns false if too many messages are
   * held, so that it uses up prefetch anyway.
   */
  excludeFromPrefetch(delivery: Delivery, excluded: boolean): boolean;
  /** Whether the channel is lost, and its unsettled messages with it. */
  readonly lost: boolean;
  /** Calls `lost` when the channel is lost. Returns a function that unsubscribes. */
  onLost(lost: () => void): () => void;
}

/** A delivered message. A class instead of closures, because there are tens of thousands per second. */
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

  /** Returns the delivery and the origin of a message from `consume`. */
  static sourceOf(message: PulseMessage): { delivery: Delivery; origin: Origin } | undefined {
    if (!(#delivery in message)) return undefined;
    return { delivery: message.#delivery, origin: message.#origin };
  }

  /** Gives a message back in a way that a quorum queue counts. */
  static giveBackCounted(message: PulseMessage): boolean {
    return #delivery in message ? message.#settle('requeue', 'retry') : message.requeue();
  }

  /** Whether a message was settled after its channel was lost. */
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

  /** Formats the message for `console.log`, without internal fields and without headers, which may contain a token. */
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
