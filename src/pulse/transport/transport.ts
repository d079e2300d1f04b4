import type { Observable } from 'rxjs';
import type { Secret } from '../../base/index.ts';
import type { PulseError } from '../errors.ts';

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

/** A connection that is logged in. */
export interface TransportConnection {
  /** Resolves once, when the connection is over, with what ended it. */
  readonly closed: Promise<PulseError>;
  /** The broker's reason while it accepts no publishing (a memory or disk alarm), else undefined. */
  readonly blocked$: Observable<string | undefined>;
  openChannel(options: { confirms: boolean }): Promise<TransportChannel>;
  /** Settles when the connection is closed, within seconds also when nobody answers; never rejects. */
  close(): Promise<void>;
}

/** A channel: what goes wrong on it ends it, and nothing else. */
export interface TransportChannel {
  /** Resolves once, when the channel is over, with what ended it: its own error or the connection's. */
  readonly closed: Promise<PulseError>;
  declareQueue(name: string, options: QueueOptions): Promise<void>;
  /** Declares a durable topic exchange, the only kind that Pulse has. */
  declareExchange(name: string): Promise<void>;
  /** Looks at a queue without declaring it. @throws PulseError `not-found` when there is none */
  checkQueue(name: string): Promise<QueueDepth>;
  /** Deletes a queue with all that is in it. That there is none is no error. */
  deleteQueue(name: string): Promise<void>;
  /** Drops what waits in a queue; what is delivered and unsettled stays. Returns how many it dropped. */
  purgeQueue(name: string): Promise<number>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<void>;
  /** That there is no such binding is no error. */
  unbindQueue(queue: string, exchange: string, pattern: string): Promise<void>;
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
  /**
   * @param upTo acknowledges all that is unsettled on this channel up to this one
   * @throws PulseError when the channel is closed
   */
  ack(deliveryTag: number, upTo?: boolean): void;
  /**
   * Puts a message back where it was. On a quorum queue this counts as a delivery until RabbitMQ 4.2, from 4.3 not.
   *
   * @throws PulseError when the channel is closed
   */
  nack(deliveryTag: number): void;
  /**
   * Drops or dead-letters a message, or puts it back in such a way that a quorum queue of any version counts it.
   *
   * @throws PulseError when the channel is closed
   */
  reject(deliveryTag: number, requeue: boolean): void;
  /**
   * Publishes on a channel opened with `confirms`. `settled` is called once, with the broker's answer or with why
   * there is none. A callback, not a promise: this is done a hundred thousand times a second.
   *
   * @throws PulseError `invalid`, and the channel lives, when the message does not fit into frames; any other when
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
   * Settles when the channel is closed, by the broker's confirmation or with its connection, and what was unsettled
   * on it is requeued; never rejects.
   */
  close(): Promise<void>;
}

/** How a queue is declared; it cannot be declared otherwise later. */
export interface QueueOptions {
  /** Only this connection may use the queue, and it goes with it. */
  readonly exclusive: boolean;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The queue is removed after this many ms without a consumer or a declaration. */
  readonly expiresMs?: number;
  /** The oldest messages are dropped past this many, or the newest refused: see `overflow`. */
  readonly maxLength?: number;
  /** `drop-head` unless said otherwise. `reject-publish` answers with a negative confirmation. */
  readonly overflow?: 'drop-head' | 'reject-publish';
  /** A replicated queue, which counts deliveries. */
  readonly quorum?: boolean;
  /** Of a quorum queue: past this many deliveries a message is dropped or dead-lettered. */
  readonly deliveryLimit?: number;
  /** Where rejected, expired and overflowing messages go. */
  readonly deadLetterExchange?: string;
}

/** What a queue says of itself. */
export interface QueueDepth {
  /** Messages that wait. Those that are delivered and unsettled are not among them. */
  readonly messages: number;
  readonly consumers: number;
}

/** The broker's answer to a message. */
export type Confirmation =
  | { readonly type: 'confirmed' }
  /** It was `mandatory`, and no queue wanted it. */
  | { readonly type: 'returned'; readonly reason: string }
  /** The broker could not take it: a queue that is full and refuses, or an error of its own. */
  | { readonly type: 'nacked' };

/** One message as it came off the wire. */
export interface Delivery {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string | undefined;
  /** All that the publisher said of the message, as it came off the wire; undefined where there is no wire. */
  readonly raw?: Uint8Array | undefined;
  /** Why headers, id and all else that a publisher says of a message cannot be read; then there are none. */
  readonly unreadable?: string | undefined;
  /** Whether its queue at the broker would crash, again and again, if it had to dead-letter this message. */
  readonly breaksDeadLetters?: boolean | undefined;
}

/** What was said of another message, to be said again in the same bytes. */
export interface CopiedProperties {
  /** As {@link Delivery.raw}. */
  readonly raw: Uint8Array;
  /** Headers that are other ones in the copy, or none where they are undefined. */
  readonly changed: Readonly<Record<string, unknown>>;
}

/** What is said of a message beside its body. */
export interface Properties {
  /** Further routing keys, in the `CC` header. */
  readonly routes: readonly string[];
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly messageId?: string | undefined;
  /**
   * Asks for the message back when no queue wants it. It is known again by its exchange, routing key, id and body: of mandatory
   * messages that have all of them in common only one may be unanswered on a channel at a time.
   */
  readonly mandatory?: boolean | undefined;
  /** Makes it a copy of another message. It stands instead of all else here, for a transport that has a wire. */
  readonly copied?: CopiedProperties | undefined;
}
