import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { filter, firstValueFrom, map } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  binding,
  connect,
  endpointFrom,
  ephemeralQueue,
  namedQueue,
  type Pulse,
  type PulseError,
  type PulseMessage,
} from '../../src/pulse/index.ts';
import { brokerControl, type BrokerControl } from '../harness/broker-control.ts';
import { startOwnBroker, type Broker } from '../harness/broker.ts';
import { faultProxy } from '../harness/fault-proxy.ts';

const BACKOFF = { baseMs: 20, capMs: 200 };
const CONNECTION = 'rabbitmq.test';

/** What only a broker of our own lets us try: alarms, restarts, users that vanish, networks that fall silent. */
describe('tcw/pulse and a RabbitMQ in trouble', () => {
  let broker: Broker;
  let control: BrokerControl;

  beforeAll(async () => {
    broker = await startOwnBroker();
    if (!broker.control) throw new Error('a broker of our own can be controlled');
    control = brokerControl(broker.control);
  }, 600_000);
  afterAll(() => broker.stop());

  const withPulse = async (
    work: (pulse: Pulse, exchange: string) => Promise<void>,
    url = broker.pulseUrl,
  ) => {
    const pulse = connect({ url, backoff: BACKOFF, connectionName: CONNECTION, heartbeatSecs: 1 });
    const exchange = `exchange/${endpointFrom({ url }).user}/${randomUUID()}`;
    try {
      await pulse.declareExchange(exchange);
      await work(pulse, exchange);
    } finally {
      await pulse.close(500);
    }
  };
  /** Collects messages, acknowledged, once the consumer is confirmed. */
  const collect = async (pulse: Pulse, exchange: string, queue = ephemeralQueue('test')) => {
    const bodies: unknown[] = [];
    let times = 0;
    const listening = Promise.withResolvers<undefined>();
    pulse
      .consume({
        queue,
        bindings: [binding(exchange, '#')],
        onEvent: event => {
          if (event.type !== 'consuming') return;
          times++;
          listening.resolve(undefined);
        },
      })
      .subscribe((message: PulseMessage) => {
        bodies.push(message.body);
        message.ack();
      });
    await listening.promise;
    return { bodies, consumed: () => times };
  };
  const durable = () => namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 100 });
  const ourConnections = async () =>
    (await control.connections()).filter(
      ({ connectionName }) => connectionName?.startsWith(CONNECTION) === true,
    );

  it('opens one connection to consume, and a second only when something is published', async () => {
    const pulse = connect({ url: broker.pulseUrl, connectionName: CONNECTION });
    await pulse.ready();
    await expect.poll(async () => (await ourConnections()).length, { timeout: 10_000 }).toBe(1);
    await pulse.declareExchange(`exchange/tcw-test/${randomUUID()}`);
    for (let n = 0; n < 3; n++) await pulse.declareExchange(`exchange/tcw-test/${randomUUID()}`);
    await expect.poll(async () => (await ourConnections()).length, { timeout: 10_000 }).toBe(2);
    await pulse.close();
    await expect.poll(async () => (await ourConnections()).length, { timeout: 10_000 }).toBe(0);
  });

  it('goes on consuming under a memory alarm, says that it is blocked, and publishes when it is over', async () => {
    await withPulse(async (pulse, exchange) => {
      const queue = durable();
      await pulse.publish(exchange, 'k', 'before');
      const first = await collect(pulse, exchange, queue);
      await pulse.publish(exchange, 'k', 1);
      await control.memoryAlarm(true);
      try {
        // The broker tells a connection that it is blocked when it next publishes.
        const waiting = pulse.publish(exchange, 'k', 2);
        await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'blocked')));
        await expect.poll(() => first.bodies).toEqual([1]);
        await expect(pulse.publish(exchange, 'k', 'too late', { deadlineMs: 300 })).rejects.toMatchObject({
          kind: 'connection',
        });
        const other = connect({ url: broker.pulseUrl, backoff: BACKOFF });
        await collect(other, exchange);
        await other.close();
        await control.memoryAlarm(false);
        await waiting;
      } finally {
        await control.memoryAlarm(false);
      }
      await expect.poll(() => first.bodies).toContain(2);
      expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
    });
  });

  it('comes back after the broker was away, with exactly one consumer', async () => {
    await withPulse(async (pulse, exchange) => {
      const queue = durable();
      const { bodies, consumed } = await collect(pulse, exchange, queue);
      await control.stop();
      expect(await firstValueFrom(pulse.state$)).toMatchObject({ name: 'waiting' });
      const published = pulse.publish(exchange, 'k', 'sent while the broker was away');
      await control.start();
      await published;
      await expect.poll(() => bodies).toEqual(['sent while the broker was away']);
      expect(consumed()).toBe(2);
      const ours = (await control.queues()).filter(({ name }) => name === queue.nameFor('tcw-test'));
      expect(ours.map(({ consumers }) => consumers)).toEqual([1]);
    });
  });

  it('notices a network that fell silent, by heartbeats', async () => {
    const { hostname, port } = endpointFrom({ url: broker.pulseUrl });
    const proxy = await faultProxy({ host: hostname, port });
    const url = new URL(broker.pulseUrl);
    url.port = String(proxy.port);
    await withPulse(async (pulse, exchange) => {
      const { bodies, consumed } = await collect(pulse, exchange);
      proxy.freeze();
      await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
      proxy.cut();
      proxy.thaw();
      await expect.poll(consumed, { timeout: 10_000 }).toBe(2);
      await pulse.publish(exchange, 'k', 'heard again');
      await expect.poll(() => bodies).toEqual(['heard again']);
    }, url.href);
    await proxy.close();
  });

  it('consumes again when an operator has closed its connections', async () => {
    await withPulse(async (pulse, exchange) => {
      const { bodies, consumed } = await collect(pulse, exchange, durable());
      await control.closeConnections(({ connectionName }) => connectionName?.startsWith(CONNECTION) === true);
      await expect.poll(consumed, { timeout: 10_000 }).toBe(2);
      await pulse.publish(exchange, 'k', 'again');
      await expect.poll(() => bodies).toEqual(['again']);
    });
  });

  it('keeps trying when its user was deleted, as PulseGuardian does for a new password, and is back with the user', async () => {
    await withPulse(async (pulse, exchange) => {
      const { bodies } = await collect(pulse, exchange);
      const refused = firstValueFrom(
        pulse.state$.pipe(
          filter(state => state.name === 'waiting' && state.error.kind === 'credentials'),
          map(({ name }) => name),
        ),
      );
      await control.deleteUser('tcw-test');
      await refused;
      await control.restoreUsers();
      await expect
        .poll(
          async () => {
            await pulse.publish(exchange, 'k', 'back');
            return bodies;
          },
          { timeout: 20_000 },
        )
        .toContain('back');
    });
  });

  describe('at start', () => {
    const failing = async (url: string) => {
      const pulse = connect({ url, backoff: BACKOFF });
      const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
      await pulse.close();
      return state;
    };
    const altered = (change: (url: URL) => void) => {
      const url = new URL(broker.pulseUrl);
      change(url);
      return url.href;
    };

    it('a wrong password is final', async () => {
      const wrong = altered(url => (url.password = 'not-the-password'));
      expect(await failing(wrong)).toMatchObject({ name: 'failed', error: { kind: 'credentials' } });
    });

    it('a wrong vhost is final', async () => {
      const wrong = altered(url => (url.pathname = '/nowhere'));
      expect(await failing(wrong)).toMatchObject({ name: 'failed', error: { kind: 'vhost' } });
    });

    it('a broker that does not answer is tried again', async () => {
      const wrong = altered(url => (url.port = '1'));
      expect(await failing(wrong)).toMatchObject({ name: 'waiting', error: { kind: 'connection' } });
    });

    it('no secret is in an error, a state or what inspect shows', async () => {
      const password = 'sw0rdfish-äöü-%25';
      const wrong = altered(url => (url.password = encodeURIComponent(password)));
      const pulse = connect({ url: wrong, backoff: BACKOFF });
      const error = (await pulse.ready().catch((e: unknown) => e)) as PulseError;
      const shown = [pulse, error, await firstValueFrom(pulse.state$), endpointFrom({ url: wrong })]
        .flatMap(value => [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value)])
        .join();
      await pulse.close();
      expect(shown).not.toContain('sw0rdfish');
    });
  });

  it('close() works while the broker is away, and at once', async () => {
    const pulse = connect({ url: broker.pulseUrl, backoff: BACKOFF, connectionName: CONNECTION });
    const { consumed } = await collect(pulse, await exchangeOf(pulse));
    expect(consumed()).toBe(1);
    await control.stop();
    await Promise.all([pulse.close(200), sleep(0)]);
    await pulse.close();
    await control.start();
    await sleep(500);
    expect(await ourConnections()).toEqual([]);
  });

  async function exchangeOf(pulse: Pulse): Promise<string> {
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await pulse.declareExchange(exchange);
    return exchange;
  }
});
