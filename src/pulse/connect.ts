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
import { amqpTransport } from './transport/amqp/transport.ts';
import { sentAround } from './publish/around-publish.ts';
import { DEFAULT_BACKOFF } from './session/backoff.ts';
import type { Binding } from './topology/binding.ts';
import { consume, type ConsumerGauge } from './consume/consume.ts';
import type { ConsumeOptions, MessageOf } from './consume/consume-options.ts';
import { askedCredentials, endpointFrom } from './transport/credentials.ts';
import { PulseError } from './errors.ts';
import { exchangePublisher } from './publish/exchange-publisher.ts';
import type { PublisherOptions, PublishOptions } from './publish/publish-options.ts';
import { Publisher } from './publish/publish.ts';
import type { Pulse, PulseOptions, PulseWarning } from './pulse.ts';
import { pulseQueue } from './topology/queue-admin.ts';
import { queueCalls } from './topology/queue-call.ts';
import { republisher } from './publish/republish.ts';
import { Session } from './session/session.ts';
import { telemetryOf } from './telemetry/telemetry.ts';
import { inTimerRange } from './timer-range.ts';
import { UnderWay } from './session/under-way.ts';
import { given } from './transport/url-parts.ts';

const ASK_TIMEOUT_MS = 15_000;
const ELSEWHERE = 'amqp://localhost';

/**
 * Connects to Mozilla Pulse, or any RabbitMQ that follows its conventions, and keeps the connection up.
 *
 * @throws PulseError `invalid` for a URL that is none, times of which amqplib would make "never", and `publishBounds` that
 *   nothing would fit
 */
export function connect(options: PulseOptions = {}): Pulse {
  // A transport that is given knows its broker.
  const sources = options.transport ? { ...options, url: given(options.url) ?? ELSEWHERE } : options;
  const endpoint = endpointFrom(sources);
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const heartbeatSecs = options.heartbeatSecs ?? endpoint.heartbeatSecs;
  const transport =
    options.transport ??
    amqpTransport(endpoint, { ...options, ...(heartbeatSecs !== undefined && { heartbeatSecs }) });
  const name = given(options.connectionName) ?? 'tcw/pulse';
  const { credentials, connectTimeoutMs = ASK_TIMEOUT_MS } = options;
  let lastUser: string | undefined;
  const open = (purpose: string) => async (signal: AbortSignal) => {
    const login = credentials
      ? await askedCredentials(credentials, signal, connectTimeoutMs)
      : endpointFrom(sources);
    lastUser = login.user;
    const { user, password } = login;
    return transport.connect({ user, password, connectionName: `${name} ${purpose}` }, signal);
  };
  const namespace = () => {
    const known = given(options.namespace) ?? lastUser ?? (credentials ? undefined : endpoint.user);
    if (known !== undefined) return known;
    throw new PulseError(
      'invalid',
      'names are not known before the first connect, which asks `credentials` for the user: wait for ready(), or give a namespace',
    );
  };

  const telemetry =
    options.telemetry === false ? undefined : telemetryOf(options.transport ? undefined : endpoint);
  const warnings$ = new Subject<PulseWarning>();
  const warn = (warning: PulseWarning) => {
    telemetry?.warned(warning.type);
    warnings$.next(warning);
  };
  const consuming = new Session(open('consuming'), backoff);
  const accepted = () => consuming.everConnected;
  const publisher = new Publisher(
    new Session(open('publishing'), backoff, accepted),
    backoff,
    options.publishBounds,
    warn,
    telemetry,
  );
  consuming.start();

  /** What a close waits for: messages that are held, and those that somebody is around. */
  const work = new UnderWay();
  const drain$ = new ReplaySubject<void>(1);
  const gauges = new Set<() => ConsumerGauge>();
  const context = {
    connection$: consuming.connection$,
    namespace,
    backoff,
    drain$,
    background: (job: Promise<unknown>) => void work.add(job),
    republish: republisher(publisher),
    telemetry,
    warn,
    gauges,
  };
  const underWay = () => ({ consumers: [...gauges].map(gauge => gauge()), publisher: publisher.gauge });
  const stopObserving = telemetry?.observe(underWay);

  const { aroundPublish } = options;
  const send = (
    exchange: string,
    routingKey: string,
    body: unknown,
    one: PublishOptions & PublisherOptions = {},
  ) => {
    if (!aroundPublish) return publisher.send(exchange, routingKey, body, one);
    const sent = sentAround(
      aroundPublish,
      { exchange, routingKey, body },
      more =>
        publisher.send(
          exchange,
          routingKey,
          body,
          more ? { ...one, headers: { ...one.headers, ...more } } : one,
        ),
      warn,
    );
    return work.add(sent);
  };
  const live = async () => {
    const live$ = consuming.connection$.pipe(filter(connection => connection !== undefined));
    const connection = await firstValueFrom(live$, { defaultValue: undefined });
    if (!connection) throw new PulseError('closed', 'closed before it was connected');
    return connection;
  };
  const queueCall = queueCalls(live, () => consuming.trouble);

  let closing: Promise<void> | undefined;
  const close = async (deadlineMs: number) => {
    drain$.next();
    const done = async () => {
      await work.settled();
      await publisher.idle();
      if (work.size > 0) await done();
    };
    const late = new PulseError('connection', 'the deadline has passed');
    await within(deadlineMs, done(), late).catch(() => undefined);
    await Promise.all([consuming.close(), publisher.close()]);
    warnings$.complete();
    stopObserving?.();
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
    ) => consume(context, consumeOptions) as Observable<MessageOf<B>>,
    publish: async (exchange, routingKey, body, publishOptions) => {
      const result = await send(exchange, routingKey, body, publishOptions);
      if (result.status !== 'confirmed') throw result.error;
    },
    send,
    publisher: (exchange, publisherOptions) => exchangePublisher(exchange, publisherOptions, send),
    declareExchange: exchange => publisher.declareExchange(exchange),
    queue: spec => pulseQueue(spec, namespace, queueCall),
    gauges: underWay,
    close: (deadlineMs = 10_000) => (closing ??= close(deadlineMs)),
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
