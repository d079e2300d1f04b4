import type { Observable } from 'rxjs';
import type { PulseError } from './errors.ts';
import type { Secret } from './secret.ts';

/**
 * The broker as the rest of this library sees it: connections, channels, and what AMQP 0-9-1 does on them.
 * Two implementations, held to one conformance suite: `amqp/` (RabbitMQ by amqplib) and `memory/` (in-process).
 *
 * Every method that fails rejects with a {@link PulseError}. Nothing here retries.
 */
export interface Transport {
  /** @param signal gives up a connect that is under way, and leaves nothing of it behind */
  connect(login: Login, signal?: AbortSignal): Promise<TransportConnection>;
}

/** Who logs in, asked for again at each connect. */
export interface Login {
  readonly user: string;
  readonly password: Secret;
  /** Shown to the broker's operators beside the connection. */
  readonly connectionName: string;
}

export interface TransportConnection {
  /** Resolves once, when the connection is over, with what ended it. */
  readonly closed: Promise<PulseError>;
  /** The broker's reason while it accepts no publishing (a memory or disk alarm), else undefined. */
  readonly blocked$: Observable<string | undefined>;
  openChannel(options: { confirms: boolean }): Promise<TransportChannel>;
  /** Settles when the connection is closed, within seconds also when nobody answers; never rejects. */
  close(): Promise<void>;
}

export interface TransportChannel {
  /** Resolves once, when the channel is over, with what ended it: its own error or the connection's. */
  readonly closed: Promise<PulseError>;
  declareQueue(name: string, options: QueueOptions): Promise<void>;
  /** Declares a durable topic exchange, the only kind that Pulse has. */
  declareExchange(name: string): Promise<void>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<void>;
  /**
   * Starts a consumer; `onDelivery` is called, synchronously, for each message, and `onCancelled` when the
   * broker itself ended the consumer (the queue was deleted).
   *
   * @returns the consumer's tag
   */
  consume(
    queue: string,
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    onCancelled: () => void,
  ): Promise<string>;
  /** Settles at the broker's confirmation: no delivery comes after it. What is unsettled stays so. */
  cancel(consumerTag: string): Promise<void>;
  /** @throws PulseError when the channel is closed */
  ack(deliveryTag: number): void;
  /** @throws PulseError when the channel is closed */
  nack(deliveryTag: number, requeue: boolean): void;
  /**
   * Settles at the broker's confirmation, on a channel opened with `confirms`.
   *
   * @throws PulseError `invalid`, and the channel lives, when the message does not fit into frames
   */
  publish(exchange: string, routingKey: string, content: Uint8Array, properties: Properties): Promise<void>;
  /**
   * Settles when the channel is closed, by the broker's confirmation or with its connection, and what was unsettled
   * on it is requeued; never rejects.
   */
  close(): Promise<void>;
}

export interface QueueOptions {
  /** Only this connection may use the queue, and it goes with it. */
  readonly exclusive: boolean;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The queue is removed after this many ms without a consumer or a declaration. */
  readonly expiresMs?: number;
  /** The oldest messages are dropped past this many. */
  readonly maxLength?: number;
}

/** One message as it came off the wire. */
export interface Delivery {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Properties {
  /** Further routing keys, in the `CC` header. */
  readonly routes: readonly string[];
  readonly headers?: Readonly<Record<string, unknown>>;
}
