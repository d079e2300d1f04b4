import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import {
  binding,
  connect,
  endpointFrom,
  ephemeralQueue,
  namedQueue,
  type ConsumerEvent,
  type Pulse,
  type QueueSpec,
} from '../../../src/pulse/index.ts';
import { brokerControl, type BrokerControl, type ConnectionSeen } from '../../harness/broker-control.ts';
import { startOwnBroker, type Broker } from '../../harness/broker.ts';

export const BACKOFF = { baseMs: 20, capMs: 200 };
export const CONNECTION = 'rabbitmq.test';

export interface Collecting {
  /** Bodies of the messages so far, each acknowledged at once. */
  readonly bodies: readonly unknown[];
  readonly events: readonly ConsumerEvent[];
  /** How many times the broker has confirmed the consumer. */
  readonly consumed: () => number;
  /** How many consumers of the queue the broker knows. */
  readonly consumers: () => Promise<number | undefined>;
}

/** A RabbitMQ of our own, which a test may stop, block and rob of its users. */
export interface OwnRabbitmq {
  readonly url: string;
  readonly control: BrokerControl;
  /** Runs `rabbitmqctl` with whatever `control` has no word for. */
  readonly rabbitmqctl: (...args: string[]) => Promise<unknown>;
  /** Connects, declares an exchange, and closes what the work has left. */
  readonly withPulse: (
    work: (pulse: Pulse, exchange: string) => Promise<void>,
    url?: string,
  ) => Promise<void>;
  /** Collects the messages of an exchange, once the consumer is confirmed. */
  readonly collect: (pulse: Pulse, exchange: string, queue?: QueueSpec) => Promise<Collecting>;
  readonly durable: () => QueueSpec;
  /** The connections of `withPulse`. */
  readonly ourConnections: () => Promise<ConnectionSeen[]>;
}

export function ownRabbitmq(): OwnRabbitmq {
  let broker: Broker;
  let control: BrokerControl;

  beforeAll(async () => {
    broker = await startOwnBroker();
    if (!broker.control) throw new Error('a broker of our own can be controlled');
    control = brokerControl(broker.control);
  });
  afterAll(() => broker.stop());

  return {
    get url() {
      return broker.pulseUrl;
    },
    get control() {
      return control;
    },
    rabbitmqctl: async (...args) => {
      const { command, env } = broker.control ?? { command: [''], env: {} };
      const [program = '', ...prefix] = command;
      await execa(program, [...prefix, '--quiet', ...args], { env, timeout: 60_000 });
    },
    withPulse: async (work, url = broker.pulseUrl) => {
      const pulse = connect({ url, backoff: BACKOFF, connectionName: CONNECTION, heartbeatSecs: 1 });
      const exchange = `exchange/${endpointFrom({ url }).user}/${randomUUID()}`;
      try {
        await pulse.declareExchange(exchange);
        await work(pulse, exchange);
      } finally {
        await pulse.close(500);
      }
    },
    collect: async (pulse, exchange, queue = ephemeralQueue('test')) => {
      const bodies: unknown[] = [];
      const events: ConsumerEvent[] = [];
      const listening = Promise.withResolvers<undefined>();
      pulse
        .consume({
          queue,
          bindings: [binding(exchange, '#')],
          onEvent: event => {
            events.push(event);
            if (event.type === 'consuming') listening.resolve(undefined);
          },
        })
        .subscribe({
          next: message => {
            bodies.push(message.body);
            message.ack();
          },
          error: listening.reject,
        });
      await listening.promise;
      return {
        bodies,
        events,
        consumed: () => events.filter(({ type }) => type === 'consuming').length,
        consumers: async () => (await pulse.queue(queue).inspect())?.consumers,
      };
    },
    durable: () => namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 1_000 }),
    ourConnections: async () =>
      (await control.connections()).filter(
        ({ connectionName }) => connectionName?.startsWith(CONNECTION) === true,
      ),
  };
}
