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

/** Where to connect, who logs in, and how. Nothing is needed where `PULSE_URL`, `PULSE_USERNAME` and `PULSE_PASSWORD` are set. */
export interface PulseOptions extends CredentialSources, AmqpOptions {
  /**
   * Returns user and password, and is called for each connection: for passwords that change while the program runs. It replaces
   * `user` and `password`. After an error it is called again later.
   */
  readonly credentials?: ((signal: AbortSignal) => Credentials | Promise<Credentials>) | undefined;
  /** The `<namespace>` of `queue/<namespace>/…`: the user's name by default. */
  readonly namespace?: string | undefined;
  /** Shown to the operators of the broker. */
  readonly connectionName?: string;
  /**
   * The wait before another attempt to connect, or to consume: {@link DEFAULT_BACKOFF} by default. It starts again once a
   * connection (or a consumer) has lasted for `capMs`.
   */
  readonly backoff?: Backoff;
  /** How much may wait to be published while the broker is away or slow. */
  readonly publishBounds?: Partial<PublishBounds> | undefined;
  /** Wraps the publishing of each message: to trace it, to measure it, to add headers. */
  readonly aroundPublish?: AroundPublish | undefined;
  /**
   * Whether to use the API of OpenTelemetry: true by default. It has an effect if an SDK was registered before `connect`.
   */
  readonly telemetry?: boolean | undefined;
  /**
   * Receives the connection's log: a pino logger, or any other of its shape. Without a logger, two kinds of problem go to stderr:
   * a broker that cannot be reached (once for each outage), and failed handlers of `pulse.handle`. `false` turns that off.
   */
  readonly logger?: PulseLogger | false | undefined;
  /** Closes the connection when it is aborted, like `close()`. */
  readonly signal?: AbortSignal | undefined;
  /** Replaces AMQP, for example with `memoryTransport` of `tcw/pulse/testing`. */
  readonly transport?: Transport;
}

/** A limit that others enforce is near, a convention is broken, or a callback failed. */
export type PulseWarning = LargeBody | ConsumerWarning | AroundFailed;

/** The present state of all consumers, and of publishing. */
export interface PulseGauges {
  readonly consumers: readonly ConsumerGauge[];
  readonly publisher: PublishGauge;
}

/** How long to wait for the first connection. */
export interface ReadyOptions {
  /** In ms; no limit by default. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long to wait for work in progress. */
export interface CloseOptions {
  /** In ms: 10,000 by default. */
  readonly deadlineMs?: number | undefined;
  /** Ends the wait when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Typed bindings, which decide the type of the messages. */
interface Bound<B extends readonly Binding[]> {
  readonly bindings: B;
}

/** A connection to Pulse that is restored when it is lost: one for consuming, and a second with the first published message. */
export interface Pulse {
  /**
   * The state of the consuming connection, starting with the present one; `blocked` while the broker accepts no messages on the
   * publishing connection. Completes after `close()`.
   */
  readonly state$: Observable<PulseState>;
  /** The warnings of all consumers and publishers. Completes after `close()`. */
  readonly warnings$: Observable<PulseWarning>;
  /**
   * Resolves with the first connection.
   *
   * @throws PulseError if the broker refuses the login or the vhost (`credentials`, `vhost`), `connection` after the time-out,
   *   `aborted`, or `closed`
   */
  ready(options?: ReadyOptions): Promise<void>;
  /**
   * Handles the messages of a queue; see {@link Handler} and the operator {@link handle}, which does the same for RxJS.
   *
   * Resolves when `signal` was aborted or the connection closed, the running handlers are done, and their messages are settled.
   *
   * @throws PulseError `invalid` for bad options, and any error that another try would not mend (`forbidden`, `not-found` of
   *   an exchange, `mismatch`, `credentials`)
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
   * Asking for the next message acknowledges the last one. Leaving the loop, by `break`, `return` or an error, stops the
   * consumer and requeues all messages that are not settled, including the last one: call `message.ack()` before `break`.
   * With `ack: 'manual'` the loop settles each message itself. The loop ends normally when `signal` was aborted or the
   * connection closed, and throws an error that another try would not mend.
   *
   * @throws PulseError `invalid` for bad options
   */
  messages<const B extends readonly Binding[]>(options: MessagesOptions & Bound<B>): Messages<MessageOf<B>>;
  /**
   * The messages of a queue as an Observable: see {@link ConsumeOptions}. Cold. A message has the type of its binding;
   * with several bindings, `message.cameBy(binding)` tells them apart.
   *
   * @throws PulseError `invalid` for bad options
   */
  consume<const B extends readonly Binding[]>(
    options: Omit<ConsumeOptions<unknown>, 'bindings'> & Bound<B>,
  ): Observable<MessageOf<B>>;
  /**
   * Publishes a message, and throws if the broker has not confirmed it. {@link tryPublish} returns a result instead.
   *
   * @throws PulseError `invalid`, `full` or `aborted` before anything is sent; `forbidden`, `not-found` or `mismatch` if the
   *   broker refuses it; `nacked`, `returned`; `connection` after the deadline; `closed`. After `connection`, `aborted` and
   *   `closed` it may have arrived; the result of {@link tryPublish} says so
   */
  publish(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<void>;
  /** Publishes a message, and returns the result. Never rejects. */
  tryPublish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options?: PublishOptions,
  ): Promise<PublishResult>;
  /** A typed publisher for one exchange. */
  publisher<T = unknown>(exchange: string, options?: PublisherOptions): ExchangePublisher<T>;
  /** Declares a topic exchange of the user, `exchange/<user>/…`, now and again on each connection. */
  declareExchange(name: string): Promise<void>;
  /** A named queue, to declare, inspect, purge or delete it. */
  queue(spec: QueueSpec): PulseQueue;
  /** The present state of all consumers, and of publishing. */
  gauges(): PulseGauges;
  /**
   * Stops in order. Consumers are cancelled, and their streams, loops and `handle` calls end. Messages in progress may be settled
   * and published until the deadline (10 s by default; a number is `deadlineMs`). Then both connections close, and the remaining
   * messages are requeued. Unconfirmed messages are `refused` if they were never sent, and `expired` otherwise. It works
   * while disconnected, and may be called twice. A broker that does not answer is abandoned within seconds.
   */
  close(options?: CloseOptions | number): Promise<void>;
}
