import { randomUUID } from 'node:crypto';
import {
  combineLatest,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  ReplaySubject,
  Subject,
  type Observable,
} from 'rxjs';
import { amqpTransport, type AmqpOptions } from './amqp/transport.ts';
import { DEFAULT_BACKOFF, type Backoff } from './backoff.ts';
import type { Binding } from './binding.ts';
import { consume, type ConsumerGauge } from './consume.ts';
import type { ConsumeOptions, HeldLong, MessageOf, QueueLong } from './consume-options.ts';
import { askedCredentials, endpointFrom, type Credentials, type CredentialSources } from './credentials.ts';
import { PulseError } from './errors.ts';
import { Publisher } from './publish.ts';
import type {
  LargeBody,
  PublishBounds,
  PublisherGauge,
  PublisherOptions,
  PublishOptions,
  PublishResult,
} from './publish-options.ts';
import { exchangePublisher, type ExchangePublisher } from './exchange-publisher.ts';
import { pulseQueue, type PulseQueue } from './queue-admin.ts';
import type { QueueSpec } from './queue.ts';
import { Session } from './session.ts';
import type { PulseState } from './state.ts';
import { inTimerRange } from './timer-range.ts';
import type { Properties, Transport, TransportChannel } from './transport.ts';

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
  readonly backoff?: Backoff;
  /** How much may wait to be published, while the broker is away or slow. */
  readonly publishBounds?: Partial<PublishBounds> | undefined;
  /** Runs around each message that is published: to trace it, to measure it, to add headers. */
  readonly aroundPublish?: AroundPublish | undefined;
  /** Another way to a broker than AMQP, such as `memoryTransport`. */
  readonly transport?: Transport;
}

/** Has to call `send` once, perhaps with more headers, and to return what that does. */
export type AroundPublish = (
  message: { readonly exchange: string; readonly routingKey: string; readonly body: unknown },
  send: (moreHeaders?: Readonly<Record<string, unknown>>) => Promise<PublishResult>,
) => Promise<PublishResult>;

/** What will bring others to act, or already breaks a convention. */
export type PulseWarning = LargeBody | QueueLong | HeldLong;

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
  ): Observable<MessageOf<B[number]>>;
  /**
   * Publishes with the broker's confirmation: as {@link send}, for those who want an exception.
   *
   * @throws PulseError `invalid` or `full` before anything is sent, `forbidden`, `not-found` or `mismatch` as the broker
   *   refuses it, `nacked`, `returned`, `connection` when the deadline has passed, or `closed`
   */
  publish(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<void>;
  /** Publishes, and tells what became of the message. Never rejects. */
  send(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<PublishResult>;
  /** A publisher of one exchange, typed. */
  publisher<T = unknown>(exchange: string, options?: PublisherOptions): ExchangePublisher<T>;
  /** Declares a topic exchange of one's own: see {@link Publisher.declareExchange}. */
  declareExchange(name: string): Promise<void>;
  /** A named queue, to look at it, purge it, delete it. */
  queue(spec: QueueSpec): PulseQueue;
  /** What is held, waits and is under way now. */
  gauges(): PulseGauges;
  /**
   * Stops in order: consumers are cancelled and their streams complete, messages being handled may still be
   * settled, and messages published, until `deadlineMs` (10 s by default); then both connections close, and what is
   * left is requeued. Works while disconnected, and twice. A broker that does not answer is left within seconds.
   */
  close(deadlineMs?: number): Promise<void>;
}

const ASK_TIMEOUT_MS = 15_000;
/** How long a look at a queue may take, waiting for the connection included. */
const QUEUE_CALL_MS = 30_000;

/**
 * Connects to Mozilla Pulse, or any RabbitMQ that follows its conventions, and keeps the connection up.
 *
 * @throws PulseError `invalid` for a URL that is none, or times of which amqplib would make "never"
 */
export function connect(options: PulseOptions = {}): Pulse {
  const endpoint = endpointFrom(options);
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const transport = options.transport ?? amqpTransport(endpoint, options);
  const name = options.connectionName ?? 'tcw/pulse';
  const { credentials, connectTimeoutMs = ASK_TIMEOUT_MS } = options;
  let lastUser: string | undefined;
  const open = (purpose: string) => async (signal: AbortSignal) => {
    const login = credentials
      ? await askedCredentials(credentials, signal, connectTimeoutMs)
      : endpointFrom(options);
    lastUser = login.user;
    const { user, password } = login;
    return transport.connect({ user, password, connectionName: `${name} ${purpose}` }, signal);
  };
  const namespace = () => options.namespace ?? lastUser ?? endpointFrom(options).user;

  const warnings$ = new Subject<PulseWarning>();
  const warn = (warning: PulseWarning) => {
    warnings$.next(warning);
  };
  const consuming = new Session(open('consuming'), backoff).start();
  const accepted = () => consuming.everConnected;
  const publisher = new Publisher(
    new Session(open('publishing'), backoff, accepted),
    backoff,
    options.publishBounds,
    warn,
  );

  /** What a close waits for: messages that are held. */
  const work = new Set<Promise<unknown>>();
  const background = (job: Promise<unknown>) => {
    const settled: Promise<unknown> = job.catch(() => undefined).finally(() => work.delete(settled));
    work.add(settled);
  };
  const drain$ = new ReplaySubject<void>(1);
  const gauges = new Set<() => ConsumerGauge>();
  const context = {
    connection$: consuming.connection$,
    namespace,
    backoff,
    drain$,
    background,
    republish: republisher(publisher),
    warn,
    gauges,
  };

  const { aroundPublish } = options;
  const send = (
    exchange: string,
    routingKey: string,
    body: unknown,
    given: PublishOptions & PublisherOptions = {},
  ) => {
    if (!aroundPublish) return publisher.send(exchange, routingKey, body, given);
    return aroundPublish({ exchange, routingKey, body }, more =>
      publisher.send(
        exchange,
        routingKey,
        body,
        more ? { ...given, headers: { ...given.headers, ...more } } : given,
      ),
    );
  };
  const live = async () => {
    const live$ = consuming.connection$.pipe(filter(connection => connection !== undefined));
    const connection = await firstValueFrom(live$, { defaultValue: undefined });
    if (!connection) throw new PulseError('closed', 'closed before it was connected');
    return connection;
  };
  const onChannel = async <T>(action: (channel: TransportChannel) => Promise<T>): Promise<T> => {
    const call = async () => {
      const channel = await (await live()).openChannel({ confirms: false });
      try {
        return await action(channel);
      } finally {
        void channel.close();
      }
    };
    const late = new PulseError('connection', `no answer from the broker in ${QUEUE_CALL_MS} ms`);
    return within(QUEUE_CALL_MS, call(), late);
  };

  let closing: Promise<void> | undefined;
  const close = async (deadlineMs: number) => {
    drain$.next();
    const done = async () => {
      while (work.size > 0) await Promise.all(work);
      await publisher.idle();
      if (work.size > 0) await done();
    };
    const late = new PulseError('connection', 'the deadline has passed');
    await within(deadlineMs, done(), late).catch(() => undefined);
    await Promise.all([consuming.close(), publisher.close()]);
    warnings$.complete();
  };

  return {
    state$: combineLatest([consuming.state$, publisher.state$]).pipe(
      map(([state, publishing]) =>
        state.name === 'connected' && publishing.name === 'blocked' ? publishing : state,
      ),
      distinctUntilChanged(),
    ),
    warnings$: warnings$.asObservable(),
    ready: async () => {
      await live();
    },
    consume: <const B extends readonly Binding[]>(
      consumeOptions: Omit<ConsumeOptions<unknown>, 'bindings'> & { readonly bindings: B },
    ) => consume(context, consumeOptions) as Observable<MessageOf<B[number]>>,
    publish: async (exchange, routingKey, body, publishOptions) => {
      const result = await send(exchange, routingKey, body, publishOptions);
      if (result.status !== 'confirmed') throw result.error;
    },
    send,
    publisher: (exchange, publisherOptions) => exchangePublisher(exchange, publisherOptions, send),
    declareExchange: exchange => publisher.declareExchange(exchange),
    queue: spec => pulseQueue(spec, namespace, onChannel),
    gauges: () => ({ consumers: [...gauges].map(gauge => gauge()), publisher: publisher.gauge }),
    close: (deadlineMs = 10_000) => (closing ??= close(deadlineMs)),
  };
}

/** Publishes copies of messages to exchanges of one's own, which it declares at first. */
function republisher(publisher: Publisher) {
  const declared = new Map<string, Promise<void>>();
  return async (exchange: string, routingKey: string, content: Uint8Array, properties: Properties) => {
    let ready = declared.get(exchange);
    if (!ready) {
      ready = publisher.declareExchange(exchange);
      declared.set(exchange, ready);
      ready.catch(() => declared.delete(exchange));
    }
    try {
      await ready;
    } catch {
      return false;
    }
    // The copy has to lie in the queue before the first is acknowledged: nobody wanting it is a failure.
    const sure = { ...properties, mandatory: true, messageId: properties.messageId ?? randomUUID() };
    const { status } = await publisher.sendBytes(exchange, routingKey, content, sure);
    return status === 'confirmed';
  };
}

async function within<T>(ms: number, work: Promise<T>, error: PulseError): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(reject, inTimerRange(ms), error);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(limit);
  }
}
