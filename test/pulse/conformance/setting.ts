import { randomUUID } from 'node:crypto';
import { firstValueFrom, Subject } from 'rxjs';
import { afterEach, beforeEach } from 'vitest';
import {
  binding,
  ephemeralQueue,
  namedQueue,
  type ConsumeOptions,
  type ConsumerEvent,
  type Login,
  type NamedQueueOptions,
  type Pulse,
  type PulseError,
  type PulseMessage,
  type PulseOptions,
  type QueueSpec,
  type Transport,
} from '../../../src/pulse/index.ts';

/** One broker, as the suite needs it: a user with exactly Pulse's permissions, and a way to cut its connections. */
export interface BrokerUnderTest {
  readonly user: string;
  /** An exchange that the user may not write, and that exists. */
  readonly foreignExchange: string;
  readonly transport: Transport;
  readonly login: Login;
  connect(options?: Partial<PulseOptions>): Pulse;
  cutConnections(): Promise<void>;
  /** Lets nothing through any more, in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  /** Deletes a queue by its full name, as PulseGuardian does with one that has grown too long. */
  deleteQueue(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface Consuming {
  readonly messages: readonly PulseMessage[];
  readonly events: readonly ConsumerEvent[];
  readonly ended: Promise<PulseError | 'complete'>;
  /** The bodies of the messages so far. */
  readonly bodies: () => unknown[];
  /** The next message that was not asked for yet. */
  readonly next: () => Promise<PulseMessage>;
  readonly end: () => void;
}

/** What each test starts with: a connection, and an exchange of its own. */
export interface Setting {
  readonly under: BrokerUnderTest;
  readonly pulse: Pulse;
  readonly exchange: string;
  /** Consumes everything of the exchange unless told otherwise; resolves once the broker has confirmed the consumer. */
  readonly consuming: (options?: Partial<ConsumeOptions<unknown>>, from?: Pulse) => Promise<Consuming>;
  /** A named queue of its own. */
  readonly queueOf: (bounds?: Partial<NamedQueueOptions>) => QueueSpec;
  /** Binds a queue to the exchange, and publishes bodies into it while nobody consumes. */
  readonly backlog: (queue: QueueSpec, bodies: readonly unknown[]) => Promise<void>;
}

export function setting(broker: () => Promise<BrokerUnderTest>): Setting {
  let under: BrokerUnderTest;
  let pulse: Pulse;
  let exchange: string;

  beforeEach(async () => {
    under = await broker();
    pulse = under.connect();
    exchange = `exchange/${under.user}/test-${randomUUID()}`;
    await pulse.declareExchange(exchange);
  });
  afterEach(async () => {
    await pulse.close(100);
    await under.close();
  });

  const consuming: Setting['consuming'] = async (options = {}, from = pulse) => {
    const messages: PulseMessage[] = [];
    const events: ConsumerEvent[] = [];
    const arrived$ = new Subject<PulseMessage>();
    const ready = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<PulseError | 'complete'>();
    let taken = 0;
    const subscription = from
      .consume({
        queue: ephemeralQueue('test'),
        bindings: [binding(exchange, '#')],
        ...options,
        onEvent: event => {
          events.push(event);
          if (event.type === 'consuming') ready.resolve(undefined);
          options.onEvent?.(event);
        },
      })
      .subscribe({
        next: message => {
          messages.push(message);
          arrived$.next(message);
        },
        error: (error: PulseError) => {
          ended.resolve(error);
          ready.reject(error);
        },
        complete: () => {
          ended.resolve('complete');
          ready.resolve(undefined);
        },
      });
    await ready.promise;
    return {
      messages,
      events,
      ended: ended.promise,
      bodies: () => messages.map(({ body }) => body),
      next: async () => {
        const index = taken++;
        return messages[index] ?? firstValueFrom(arrived$);
      },
      end: () => {
        subscription.unsubscribe();
      },
    };
  };
  const queueOf: Setting['queueOf'] = bounds =>
    namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 1_000, ...bounds });

  return {
    get under() {
      return under;
    },
    get pulse() {
      return pulse;
    },
    get exchange() {
      return exchange;
    },
    consuming,
    queueOf,
    backlog: async (queue, bodies) => {
      const other = under.connect();
      (await consuming({ queue }, other)).end();
      await other.close();
      await Promise.all(bodies.map(body => pulse.publish(exchange, 'k', body)));
    },
  };
}
