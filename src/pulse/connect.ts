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
import { publishAround } from './publish/around-publish.ts';
import { DEFAULT_BACKOFF } from './session/backoff.ts';
import type { Binding } from './topology/binding.ts';
import { consume, type ConsumerGauge } from './consume/consume.ts';
import { checkConnectOptions, checkReadyOptions, closeOptions } from './connect-options.ts';
import type { PulseMessage } from './consume/message.ts';
import { messages, type Messages, type MessagesOptions } from './consume/messages.ts';
import type { Handler } from './handle/handle-options.ts';
import { handleUntilStopped } from './handle/handle-until-stopped.ts';
import { logOf, stateLogger } from './telemetry/log.ts';
import { logWarning } from './warning-log.ts';
import { untilAborted, within } from './session/abort.ts';
import type { ConsumeOptions, MessageOf } from './consume/consume-options.ts';
import { askedCredentials, endpointOf } from './transport/credentials.ts';
import { PulseError } from './errors.ts';
import { exchangePublisher } from './publish/exchange-publisher.ts';
import type { PublisherOptions, PublishOptions } from './publish/publish-options.ts';
import { Publishing } from './publish/publishing.ts';
import type { CloseOptions, Pulse, PulseOptions, PulseWarning } from './pulse.ts';
import { pulseQueue } from './topology/queue-admin.ts';
import { queueCalls } from './topology/queue-call.ts';
import { republisher } from './publish/republish.ts';
import { Session } from './session/session.ts';
import { telemetryOf } from './telemetry/telemetry.ts';
import { PendingWork } from './session/pending-work.ts';
import { given } from './transport/url-parts.ts';

const ASK_TIMEOUT_MS = 15_000;
const CLOSE_MS = 10_000;
const UNUSED_URL = 'amqp://localhost';

/**
 * Connects to Mozilla Pulse, or to any RabbitMQ that follows its conventions. Reconnects when the connection is lost.
 *
 * @throws PulseError `invalid` for a bad URL, and for an option that is unknown, of the wrong type or out of range
 */
export function connect(options: PulseOptions = {}): Pulse {
  checkConnectOptions(options);
  // A custom transport knows its broker, so it needs no URL.
  const sources = options.transport ? { ...options, url: given(options.url) ?? UNUSED_URL } : options;
  const endpoint = endpointOf(sources);
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
      : endpointOf(sources);
    lastUser = login.user;
    const { user, password } = login;
    return transport.connect({ user, password, connectionName: `${name} ${purpose}` }, signal);
  };
  const namespace = () => {
    const known = given(options.namespace) ?? lastUser ?? (credentials ? undefined : endpoint.user);
    if (known !== undefined) return known;
    throw new PulseError(
      'invalid',
      'names are unknown until `credentials` has returned the user for the first connection: wait for ready(), or set the option namespace',
    );
  };

  const telemetry =
    options.telemetry === false ? undefined : telemetryOf(options.transport ? undefined : endpoint);
  const log = logOf(options.logger);
  const warnings$ = new Subject<PulseWarning>();
  const warn = (warning: PulseWarning) => {
    telemetry?.warned(warning.type);
    logWarning(log, warning);
    warnings$.next(warning);
  };
  const consuming = new Session(open('consuming'), backoff);
  const accepted = () => consuming.everConnected;
  const publishing = new Publishing(
    new Session(open('publishing'), backoff, accepted),
    backoff,
    options.publishBounds,
    warn,
    telemetry,
  );
  consuming.state$.subscribe(stateLogger(log));
  consuming.start();

  /** Work that `close` waits for: unsettled messages and calls of `aroundPublish`. */
  const work = new PendingWork();
  const drain$ = new ReplaySubject<void>(1);
  const gauges = new Set<() => ConsumerGauge>();
  const context = {
    connection$: consuming.connection$,
    namespace,
    backoff,
    drain$,
    background: (job: Promise<unknown>) => void work.add(job),
    republish: republisher(publishing),
    telemetry,
    warn,
    log,
    gauges,
  };
  const underWay = () => ({ consumers: [...gauges].map(gauge => gauge()), publisher: publishing.gauge });
  const stopObserving = telemetry?.observe(underWay);

  const { aroundPublish } = options;
  const tryPublish = (
    exchange: string,
    routingKey: string,
    body: unknown,
    one: PublishOptions & PublisherOptions = {},
  ) => {
    if (!aroundPublish) return publishing.send(exchange, routingKey, body, one);
    const sent = publishAround(
      aroundPublish,
      { exchange, routingKey, body },
      more =>
        publishing.send(
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
    if (!connection) throw new PulseError('closed', 'the connection was closed before it was established');
    return connection;
  };
  const queueCall = queueCalls(live, () => consuming.problem);

  let closing: Promise<void> | undefined;
  const close = async ({ deadlineMs = CLOSE_MS, signal }: CloseOptions) => {
    drain$.next();
    const done = async () => {
      await work.settled();
      await publishing.idle();
      if (work.size > 0) await done();
    };
    const late = () => new PulseError('connection', 'the deadline has passed');
    await within(done(), 'closing', { timeoutMs: deadlineMs, signal }, late).catch(() => undefined);
    await Promise.all([consuming.close(), publishing.close()]);
    warnings$.complete();
    stopObserving?.();
    closeOnAbort.unsubscribe();
  };
  const closeOnce = (given: CloseOptions | number = {}) => (closing ??= close(closeOptions(given)));
  const consumed = (consumeOptions: ConsumeOptions<unknown>) => consume(context, consumeOptions);

  const closeOnAbort = untilAborted(options.signal).subscribe(() => void closeOnce());

  return {
    state$: combineLatest([consuming.state$, publishing.state$]).pipe(
      map(([state, other]) => (state.name === 'connected' && other.name === 'blocked' ? other : state)),
      distinctUntilChanged(),
    ),
    warnings$: warnings$.asObservable(),
    ready: async (ready = {}) => {
      checkReadyOptions(ready);
      const late = () => {
        const why = consuming.problem ?? 'the broker does not answer';
        return new PulseError('connection', `no connection within ${String(ready.timeoutMs)} ms: ${why}`);
      };
      await within(live(), 'waiting for the connection', ready, late);
    },
    handle: (handleOptions: Parameters<typeof handleUntilStopped>[1], handler: unknown) =>
      handleUntilStopped(consumed, handleOptions, handler as Handler<PulseMessage>, log),
    messages: <const B extends readonly Binding[]>(
      messagesOptions: MessagesOptions & { readonly bindings: B },
    ) => messages(consumed, messagesOptions) as Messages<MessageOf<B>>,
    consume: <const B extends readonly Binding[]>(
      consumeOptions: Omit<ConsumeOptions<unknown>, 'bindings'> & { readonly bindings: B },
    ) => consumed(consumeOptions) as Observable<MessageOf<B>>,
    publish: async (exchange, routingKey, body, publishOptions) => {
      const result = await tryPublish(exchange, routingKey, body, publishOptions);
      if (result.status !== 'confirmed') throw result.error;
    },
    tryPublish,
    publisher: (exchange, publisherOptions) => exchangePublisher(exchange, publisherOptions, tryPublish),
    declareExchange: exchange => publishing.declareExchange(exchange),
    queue: spec => pulseQueue(spec, namespace, queueCall),
    gauges: underWay,
    close: async given => closeOnce(given),
  };
}
