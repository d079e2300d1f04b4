import type { Observable } from 'rxjs';
import type { Backoff } from '../base/index.ts';
import type { AmqpOptions } from './transport/amqp/transport.ts';
import type { Binding } from './topology/binding.ts';
import type { ConsumerGauge } from './consume/consume.ts';
import type { ConsumeOptions, HeldLong, MessageOf, QueueLong } from './consume/consume-options.ts';
import type { Credentials, CredentialSources } from './transport/credentials.ts';
import type { ExchangePublisher } from './publish/exchange-publisher.ts';
import type {
  LargeBody,
  PublishBounds,
  PublisherGauge,
  PublisherOptions,
  PublishOptions,
  PublishResult,
} from './publish/publish-options.ts';
import type { PulseQueue } from './topology/queue-admin.ts';
import type { QueueSpec } from './topology/queue.ts';
import type { PulseState } from './session/state.ts';
import type { Transport } from './transport/transport.ts';

/** Where to connect, who logs in, and how. Nothing is needed where `PULSE_URL`, `PULSE_USERNAME` and `PULSE_PASSWORD` are set. */
export interface PulseOptions extends CredentialSources, AmqpOptions {
  /**
   * Who logs in, asked again at each connect: for passwords that change while the program runs. Stands instead of
   * `user` and `password`. What it throws is tried again later.
   */
  readonly credentials?: ((signal: AbortSignal) => Credentials | Promise<Credentials>) | undefined;
  /** The `<namespace>` of `queue/<namespace>/…`: the user's name unless given. */
  readonly namespace?: string | undefined;
  /** Shown to the broker's operators. */
  readonly connectionName?: string;
  /**
   * Between tries to connect, and to consume again: {@link DEFAULT_BACKOFF} unless given. It starts anew once a connection,
   * or a consumer, has lived for `capMs`: what ends sooner each time is tried later and later.
   */
  readonly backoff?: Backoff;
  /** How much may wait to be published, while the broker is away or slow. */
  readonly publishBounds?: Partial<PublishBounds> | undefined;
  /** Runs around each message that is published: to trace it, to measure it, to add headers. */
  readonly aroundPublish?: AroundPublish | undefined;
  /**
   * Whether OpenTelemetry is told of messages, by its API: true unless said otherwise. It needs an SDK, registered
   * before `connect`; without one nothing is told, and nothing is spent on it.
   */
  readonly telemetry?: boolean | undefined;
  /** Another way to a broker than AMQP, such as `memoryTransport`. */
  readonly transport?: Transport;
}

/**
 * Has to call `send` once, perhaps with more headers, and to return what that does. When it fails before that, the message is
 * `refused` (`invalid`); when it fails after it, the message has its own result, and `around-failed` is warned of.
 */
export type AroundPublish = (
  message: { readonly exchange: string; readonly routingKey: string; readonly body: unknown },
  send: (moreHeaders?: Readonly<Record<string, unknown>>) => Promise<PublishResult>,
) => Promise<PublishResult>;

/** `aroundPublish` failed when it had sent its message. */
export interface AroundFailed {
  readonly type: 'around-failed';
  readonly exchange: string;
  readonly routingKey: string;
  /** What it threw. */
  readonly error: unknown;
}

/** What will bring others to act, breaks a convention, or fails beside a message. */
export type PulseWarning = LargeBody | QueueLong | HeldLong | AroundFailed;

/** What is under way at a moment. */
export interface PulseGauges {
  readonly consumers: readonly ConsumerGauge[];
  readonly publisher: PublisherGauge;
}

/** A connection to Pulse that comes back when it is lost: one to consume, and a second once something is published. */
export interface Pulse {
  /**
   * The consuming connection's state, the present one first; `blocked` while the broker takes nothing on the
   * publishing one. Completes after `close()`.
   */
  readonly state$: Observable<PulseState>;
  /** What all consumers and publishers warn of. Completes after `close()`. */
  readonly warnings$: Observable<PulseWarning>;
  /**
   * Resolves at the first connection.
   *
   * @throws PulseError when the broker refuses us for good (`credentials`, `vhost`), or `closed`
   */
  ready(): Promise<void>;
  /**
   * The messages of a queue: see {@link ConsumeOptions}. Cold. A message's type is that of its binding; with several,
   * `message.cameBy(binding)` tells them apart.
   */
  consume<const B extends readonly Binding[]>(
    options: Omit<ConsumeOptions<unknown>, 'bindings'> & { readonly bindings: B },
  ): Observable<MessageOf<B>>;
  /**
   * Publishes with the broker's confirmation: as {@link send}, for those who want an exception.
   *
   * @throws PulseError `invalid` or `full` before anything is sent, `forbidden`, `not-found` or `mismatch` as the broker
   *   refuses it, `nacked`, `returned`, `connection` when the deadline has passed, or `closed`. With the last two it may
   *   have arrived: {@link send} tells
   */
  publish(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<void>;
  /** Publishes, and tells what became of the message. Never rejects. */
  send(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<PublishResult>;
  /** A publisher of one exchange, typed. */
  publisher<T = unknown>(exchange: string, options?: PublisherOptions): ExchangePublisher<T>;
  /** Declares a topic exchange of one's own: `exchange/<user>/…`, now and again on each connection. */
  declareExchange(name: string): Promise<void>;
  /** A named queue, to look at it, purge it, delete it. */
  queue(spec: QueueSpec): PulseQueue;
  /** What is held, waits and is under way now. */
  gauges(): PulseGauges;
  /**
   * Stops in order: consumers are cancelled and their streams complete, messages being handled may still be
   * settled, and messages published, until `deadlineMs` (10 s by default); then both connections close, and what is
   * left is requeued; of messages not confirmed, those that were never sent are `refused`, the others `expired`. Works
   * while disconnected, and twice. A broker that does not answer is left within seconds.
   */
  close(deadlineMs?: number): Promise<void>;
}
