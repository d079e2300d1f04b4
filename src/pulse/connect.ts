import {
  combineLatest,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  ReplaySubject,
  type Observable,
} from 'rxjs';
import { amqpTransport, type AmqpOptions } from './amqp/transport.ts';
import { DEFAULT_BACKOFF, type Backoff } from './backoff.ts';
import { consume } from './consume.ts';
import type { ConsumeOptions } from './consume-options.ts';
import { endpointFrom, type CredentialSources } from './credentials.ts';
import { PulseError } from './errors.ts';
import type { PulseMessage } from './message.ts';
import { Publisher, type PublishOptions } from './publish.ts';
import { Session } from './session.ts';
import type { PulseState } from './state.ts';
import { inTimerRange } from './timer-range.ts';
import type { Transport } from './transport.ts';

export interface PulseOptions extends CredentialSources, AmqpOptions {
  /** The `<namespace>` of `queue/<namespace>/…`: the user's name unless given. */
  readonly namespace?: string | undefined;
  /** Shown to the broker's operators. */
  readonly connectionName?: string;
  readonly backoff?: Backoff;
  /** Another way to a broker than AMQP, such as `memoryTransport`. */
  readonly transport?: Transport;
}

/** A connection to Pulse that comes back when it is lost: one to consume, and a second once something is published. */
export interface Pulse {
  /**
   * The consuming connection's state, the present one first; `blocked` while the broker takes nothing on the
   * publishing one. Completes after `close()`.
   */
  readonly state$: Observable<PulseState>;
  /**
   * Resolves at the first connection.
   *
   * @throws PulseError when the broker refuses us for good (`credentials`, `vhost`), or `closed`
   */
  ready(): Promise<void>;
  /** The messages of a queue: see {@link ConsumeOptions}. Cold. */
  consume<T>(options: ConsumeOptions<T>): Observable<PulseMessage<T>>;
  /** Publishes with the broker's confirmation: see {@link Publisher.publish}. */
  publish(exchange: string, routingKey: string, body: unknown, options?: PublishOptions): Promise<void>;
  /** Declares a topic exchange of one's own: see {@link Publisher.declareExchange}. */
  declareExchange(name: string): Promise<void>;
  /**
   * Stops in order: consumers are cancelled and their streams complete, messages being handled may still be
   * settled, and messages published, until `deadlineMs` (10 s by default); then both connections close, and what is
   * left is requeued. Works while disconnected, and twice. A broker that does not answer is left within seconds.
   */
  close(deadlineMs?: number): Promise<void>;
}

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
  const open = (purpose: string) => (signal: AbortSignal) =>
    transport.connect({ ...endpointFrom(options), connectionName: `${name} ${purpose}` }, signal);

  const consuming = new Session(open('consuming'), backoff).start();
  const accepted = () => consuming.everConnected;
  const publisher = new Publisher(new Session(open('publishing'), backoff, accepted), backoff);

  /** What a close waits for: messages that are held or being published. */
  const work = new Set<Promise<unknown>>();
  const background = (job: Promise<unknown>) => {
    const settled: Promise<unknown> = job.catch(() => undefined).finally(() => work.delete(settled));
    work.add(settled);
  };
  const drain$ = new ReplaySubject<void>(1);
  const context = {
    connection$: consuming.connection$,
    namespace: () => options.namespace ?? endpointFrom(options).user,
    backoff,
    drain$,
    background,
  };

  let closing: Promise<void> | undefined;
  const close = async (deadlineMs: number) => {
    drain$.next();
    await atMost(deadlineMs, allSettled(work));
    await Promise.all([consuming.close(), publisher.close()]);
  };

  return {
    state$: combineLatest([consuming.state$, publisher.state$]).pipe(
      map(([state, publishing]) =>
        state.name === 'connected' && publishing.name === 'blocked' ? publishing : state,
      ),
      distinctUntilChanged(),
    ),
    ready: async () => {
      const live$ = consuming.connection$.pipe(filter(connection => connection !== undefined));
      const connection = await firstValueFrom(live$, { defaultValue: undefined });
      if (!connection) throw new PulseError('closed', 'closed before it was connected');
    },
    consume: consumeOptions => consume(context, consumeOptions),
    publish: (exchange, routingKey, body, publishOptions) => {
      const published = publisher.publish(exchange, routingKey, body, publishOptions);
      background(published);
      return published;
    },
    declareExchange: exchange => publisher.declareExchange(exchange),
    close: (deadlineMs = 10_000) => (closing ??= close(deadlineMs)),
  };
}

async function allSettled(work: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (work.size > 0) await Promise.all(work);
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const limit = setTimeout(resolve, inTimerRange(ms), undefined);
  await Promise.race([work, late]);
  clearTimeout(limit);
}
