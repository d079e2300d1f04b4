import type { Observable } from 'rxjs';
import type { Backoff } from '../base/index.ts';
import type { AmqpOptions } from './transport/amqp/transport.ts';
import type { Binding } from './topology/binding.ts';
import type { ConsumerGauge } from './consume/consume.ts';
import type { ConsumeOptions, ConsumerWarning, MessageOf } from './consume/consume-options.ts';
import type { Messages, MessagesOptions } from './consume/messages.ts';
import type { BatchHandler, Handler } from './handle/handle-options.ts';
import type { HandleBatchesOptions, HandleMessagesOptions } from './handle/handle-until-stopped.ts';
import type { PublishGauge, PublishResult } from './publish-result.ts';
import type { PulseLogger } from './telemetry/log.ts';
import type { Credentials, CredentialSources } from './transport/credentials.ts';
import type { ExchangePublisher } from './publish/exchange-publisher.ts';
import type {
  AroundFailed,
  AroundPublish,
  LargeBody,
  PublishBounds,
  PublisherOptions,
  PublishOptions,
} from './publish/publish-options.ts';
import type { PulseQueue } from './topology/queue-admin.ts';
import type { QueueSpec } from './topology/queue.ts';
import type { PulseState } from './session/state.ts';
import type { Transport } from './transport/transport.ts';

/**
 * Broker, login and connection settings. All are optional if `PULSE_URL`, `PULSE_USERNAME` and `PULSE_PASSWORD` are
 * set.
 */
export interface PulseOptions extends CredentialSources, AmqpOptions {
  /**
   * Returns the user and the password. The library calls it for each connection, so a password can change while the
   * program runs. It replaces `user` and `password`. If it fails, the library calls it again later.
   */
  readonly credentials?: ((signal: AbortSignal) => Credentials | Promise<Credentials>) | undefined;
  /** The `<namespace>` in `queue/<namespace>/…`. Default: the user's name. */
  readonly namespace?: string | undefined;
  /** The connection name that the broker's operators see. */
  readonly connectionName?: string;
  /**
   * The delay before another attempt to connect or to consume. Default: {@link DEFAULT_BACKOFF}. The delay starts
   * from the beginning once a connection (or a consumer) has lasted for `capMs`.
   */
  readonly backoff?: Backoff;
  /** Limits for messages that wait to be published while the broker is unreachable or slow. */
  readonly publishBounds?: Partial<PublishBounds> | undefined;
  /** Wraps the publishing of each message, for example to trace it, measure it or add headers. */
  readonly aroundPublish?: AroundPublish | undefined;
  /**
   * Whether to use the OpenTelemetry API. Default: true. It has an effect if an SDK was registered before `connect`.
   */
  readonly telemetry?: boolean | undefined;
  /**
   * Receives the connection's log: a pino logger, or any other with the same methods. Without a logger, stderr shows
   * two kinds of problem: a broker that cannot be reached (once per outage) and failed handlers of `pulse.handle`.
   * `false` turns that off.
   */
  readonly logger?: PulseLogger | false | undefined;
  /** Closes the connection when aborted, like `close()`. */
  readonly signal?: AbortSignal | undefined;
  /** Replaces AMQP, for example with `memoryTransport` of `tcw/pulse/testing`. */
  readonly transport?: Transport;
}

/** A limit of the broker or PulseGuardian is near, a message breaks a Pulse convention, or a callback failed. */
export type PulseWarning = LargeBody | ConsumerWarning | AroundFailed;

/** The current state of all consumers and of publishing. */
export interface PulseGauges {
  readonly consumers: readonly ConsumerGauge[];
  readonly publisher: PublishGauge;
}

/** How long to wait for the first connection. */
export interface ReadyOptions {
  /** Time limit in ms. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait for work in progress. */
export interface CloseOptions {
  /** Time limit in ms. Default: 10,000. */
  readonly deadlineMs?: number | undefined;
  /** Ends the wait when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Typed bindings, which determine the type of the messages. */
interface Bound<B extends readonly Binding[]> {
  readonly bindings: B;
}

/**
 * A client of Pulse. It has one connection for consuming, and opens a second one when the first message is published.
 * It restores both after a loss.
 */
export interface Pulse {
  /**
   * The state of the consuming connection. Emits the current state first. While the broker accepts no messages on the
   * publishing connection, the state is `blocked`. Completes after `close()`.
   */
  readonly state$: Observable<PulseState>;
  /** The warnings of all consumers and publishers. Completes after `close()`. */
  readonly warnings$: Observable<PulseWarning>;
  /**
   * Resolves when the client is connected.
   *
   * @throws PulseError `credentials` or `vhost` if the broker refuses the login or the vhost, `connection` after the
   *   timeout, `aborted`, or `closed`
   */
  ready(options?: ReadyOptions): Promise<void>;
  /**
   * Handles the messages of a queue. See {@link Handler}, and {@link handle} for the RxJS operator that does the
   * same.
   *
   * Resolves after `signal` is aborted or the connection is closed, once the running handlers have ended and their
   * messages are settled.
   *
   * @throws PulseError `invalid` for bad options, and any error that a retry would not fix (`forbidden`, `not-found`
   *   of an exchange, `mismatch`, `credentials`)
   */
  handle<const B extends readonly Binding[]>(
    options: HandleMessagesOptions & Bound<B>,
    handler: Handler<MessageOf<B>>,
  ): Promise<void>;
  /** Handles the messages of a queue in batches; see {@link BatchHandler}. */
  handle<const B extends readonly Binding[]>(
    options: HandleBatchesOptions & Bound<B>,
    handler: BatchHandler<MessageOf<B>>,
  ): Promise<void>;
  /**
   * Iterates over the messages of a queue: `for await (const message of pulse.messages(options))`.
   *
   * Each step of the loop acknowledges the previous message. Leaving the loop (`break`, `return` or an error) stops
   * the consumer and requeues all unsettled messages, including the current one, so call `message.ack()` before
   * `break`. With `ack: 'manual'`, the loop settles each message itself. The loop ends normally after `signal` is
   * aborted or the connection is closed. It throws an error that a retry would not fix.
   *
   * @throws PulseError `invalid` for bad options
   */
  messages<const B extends readonly Binding[]>(options: MessagesOptions & Bound<B>): Messages<MessageOf<B>>;
  /**
   * The messages of a queue as a cold Observable; see {@link ConsumeOptions}. A message has the type of its binding.
   * With several bindings, `message.cameBy(binding)` tells which one matched.
   *
   * @throws PulseError `invalid` for bad options
   */
  consume<const B extends readonly Binding[]>(
    options: Omit<ConsumeOptions<unknown>, 'bindings'> & Bound<B>,
  ): Observable<MessageOf<B>>;
  /**
   * Publishes a message. Throws if the broker does not confirm it; {@link tryPublish} returns a result instead.
   *
   * @throws PulseError `invalid`, `full` or `aborted` before anything is sent; `forbidden`, `not-found` or `mismatch`
   *   if the broker refuses the message; `nacked`, `returned`; `connection` after the deadline; `closed`. After
   *   `connection`, `aborted` and `closed`, the message may have arrived; the result of {@link tryPublish} shows that
   */
  publish(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<void>;
  /** Publishes a message and returns the result. Never rejects. */
  tryPublish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options?: PublishOptions,
  ): Promise<PublishResult>;
  /** A typed publisher for one exchange. */
  publisher<T = unknown>(exchange: string, options?: PublisherOptions): ExchangePublisher<T>;
  /** Declares a topic exchange of the user, `exchange/<user>/…`: now, and again after each reconnect. */
  declareExchange(name: string): Promise<void>;
  /** Declares, inspects, purges or deletes a named queue. */
  queue(spec: QueueSpec): PulseQueue;
  /** The current state of all consumers and of publishing. */
  gauges(): PulseGauges;
  /**
   * Shuts down in order:
   *
   * 1. Cancels the consumers. Their streams, loops and `handle` calls end.
   * 2. Waits until the messages in progress are settled and all publishing is finished, up to the deadline (default:
   *    10 s; a number as argument is `deadlineMs`).
   * 3. Closes both connections. The broker requeues the remaining messages. Unconfirmed messages end as `refused` if
   *    they were never sent, and as `expired` otherwise.
   *
   * It works while disconnected, and may be called twice. If the broker does not answer, it gives up within seconds.
   */
  close(options?: CloseOptions | number): Promise<void>;
}
