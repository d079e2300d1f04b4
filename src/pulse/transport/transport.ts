import type { Observable } from 'rxjs';
import type { Secret } from '../../base/index.ts';
import type { PulseError } from '../errors.ts';

/**
 * The interface between this library and a broker: connections, channels, and the AMQP 0-9-1 operations on them. It
 * has two implementations, which pass the same conformance suite: `amqp/` (RabbitMQ through amqplib) and `memory/`
 * (in-process).
 *
 * Every method that fails rejects with a {@link PulseError}. Nothing here retries.
 */
export interface Transport {
  /** @param signal aborts the connection attempt and cleans up after it */
  connect(login: Login, signal?: AbortSignal): Promise<TransportConnection>;
}

/** The login for one connection. It is determined again for each connection. */
export interface Login {
  readonly user: string;
  readonly password: Secret;
  /** The connection name that the broker's operators see. */
  readonly connectionName: string;
}

/** An open connection, after login. */
export interface TransportConnection {
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<PulseError>;
  /** The broker's reason while it accepts no messages (memory or disk alarm). Undefined otherwise. */
  readonly blocked$: Observable<string | undefined>;
  openChannel(options: { confirms: boolean }): Promise<TransportChannel>;
  /** Settles when the connection is closed, within seconds even if the broker does not answer. Never rejects. */
  close(): Promise<void>;
}

/** A channel. An error on it ends this channel and nothing else. */
export interface TransportChannel {
  /** Resolves when the channel has ended, with the reason: its own error or that of the connection. */
  readonly closed: Promise<PulseError>;
  declareQueue(name: string, options: QueueOptions): Promise<void>;
  /** Declares a durable topic exchange, the only kind that Pulse has. */
  declareExchange(name: string): Promise<void>;
  /** Checks a queue without declaring it. @throws PulseError `not-found` if the queue does not exist */
  checkQueue(name: string): Promise<QueueDepth>;
  /** Deletes a queue and its messages. It is not an error if the queue does not exist. */
  deleteQueue(name: string): Promise<void>;
  /** Drops the waiting messages of a queue, but not unsettled ones. Returns the number of dropped messages. */
  purgeQueue(name: string): Promise<number>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<void>;
  /** Removes a binding. It is not an error if the binding does not exist. */
  unbindQueue(queue: string, exchange: string, pattern: string): Promise<void>;
  /**
   * Starts a consumer. Calls `onDelivery` synchronously for each message, and `onCancelled` if the broker ends the
   * consumer, for example because the queue was deleted.
   *
   * @param priority among the consumers of the queue; 0 by default
   * @returns the consumer's tag
   */
  consume(
    queue: string,
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    onCancelled: () => void,
    priority?: number,
  ): Promise<string>;
  /** Settles when the broker has confirmed. No delivery arrives after that. Unsettled messages stay unsettled. */
  cancel(consumerTag: string): Promise<void>;
  /**
   * @param upTo acknowledges all unsettled messages of this channel up to this one
   * @throws PulseError if the channel is closed
   */
  ack(deliveryTag: number, upTo?: boolean): void;
  /**
   * Puts a message back into its place. A quorum queue counts this as a delivery up to RabbitMQ 4.2, but not from 4.3
   * on.
   *
   * @throws PulseError if the channel is closed
   */
  nack(deliveryTag: number): void;
  /**
   * Drops or dead-letters a message. With `requeue`, puts it back instead; every version of a quorum queue counts that.
   *
   * @throws PulseError if the channel is closed
   */
  reject(deliveryTag: number, requeue: boolean): void;
  /**
   * Publishes on a channel opened with `confirms`. Calls `settled` once, with the broker's answer or the reason why
   * there is none. A callback instead of a promise, because this runs a hundred thousand times per second.
   *
   * @throws PulseError `invalid` if the message does not fit into frames (the channel stays open); any other kind if
   *   the channel is closed
   */
  publish(
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    properties: Properties,
    settled: (answer: Confirmation | PulseError) => void,
  ): void;
  /**
   * Settles when the channel is closed, by the broker's confirmation or with its connection. The broker requeues its
   * unsettled messages. Never rejects.
   */
  close(): Promise<void>;
}

/** The arguments of a queue's declaration. They cannot be changed later. */
export interface QueueOptions {
  /** Only this connection may use the queue, and the queue is deleted with the connection. */
  readonly exclusive: boolean;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The broker removes the queue after this time in ms without a consumer or a declaration. */
  readonly expiresMs?: number;
  /** Beyond this number, the broker drops the oldest messages or refuses new ones; see `overflow`. */
  readonly maxLength?: number;
  /** Default: `drop-head`. With `reject-publish`, the broker answers with a negative confirmation. */
  readonly overflow?: 'drop-head' | 'reject-publish';
  /** Whether it is a quorum queue, which is replicated and counts deliveries. */
  readonly quorum?: boolean;
  /** Only for a quorum queue: beyond this number of deliveries, the broker drops or dead-letters a message. */
  readonly deliveryLimit?: number;
  /** The exchange that receives rejected, expired and overflowing messages. */
  readonly deadLetterExchange?: string;
}

/** The numbers of messages and consumers of a queue. */
export interface QueueDepth {
  /** Number of waiting messages. Delivered but unsettled messages are not included. */
  readonly messages: number;
  readonly consumers: number;
}

/** The broker's answer to a published message. */
export type Confirmation =
  | { readonly type: 'confirmed' }
  /** The message was `mandatory` and matched no queue. */
  | { readonly type: 'returned'; readonly reason: string }
  /** The broker could not accept the message: a full queue refused it, or the broker had an internal error. */
  | { readonly type: 'nacked' };

/** One message as received from the broker. */
export interface Delivery {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
  /** The encoded AMQP properties as received. Undefined for a transport without a network. */
  readonly raw?: Uint8Array | undefined;
  /** Why the headers, the id and the other properties cannot be decoded. If set, they are empty. */
  readonly unreadable?: string | undefined;
  /** Whether the queue at the broker would crash repeatedly if it had to dead-letter this message. */
  readonly breaksDeadLetters?: boolean | undefined;
}

/** The properties of another message, to be sent again as the same bytes. */
export interface CopiedProperties {
  /** See {@link Delivery.raw}. */
  readonly raw: Uint8Array;
  /** Headers to change in the copy. An undefined value removes the header. */
  readonly changed: Readonly<Record<string, unknown>>;
}

/** The properties of a message to publish. */
export interface Properties {
  /** Additional routing keys, sent in the `CC` header. */
  readonly routes: readonly string[];
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly messageId?: string | undefined;
  /**
   * Asks the broker to return the message if it matches no queue. A returned message is identified by its exchange,
   * routing key, id and body. So of several mandatory messages with the same values, only one may be unanswered on a
   * channel at a time.
   */
  readonly mandatory?: boolean | undefined;
  /** Makes the message a copy of another one. For a transport with a network, this replaces all other properties. */
  readonly copied?: CopiedProperties | undefined;
}
