import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { filter, firstValueFrom, map } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { amqpTransport } from '../../src/pulse/transport/amqp/transport.ts';
import { binding, connect, endpointFrom, namedQueue, type PulseError } from '../../src/pulse/index.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { channels } from './rabbitmq/channels.ts';
import { exchanges } from './rabbitmq/exchanges.ts';
import { expiry } from './rabbitmq/expiry.ts';
import { networks } from './rabbitmq/networks.ts';
import { smallFrames } from './rabbitmq/small-frames.ts';
import { trouble } from './trouble.ts';
import { BACKOFF, CONNECTION, ownRabbitmq } from './rabbitmq/setting.ts';

/** What only a broker of our own lets us try: alarms, restarts, users that vanish, networks that fall silent. */
describe('tcw/pulse and a RabbitMQ in trouble', () => {
  const own = ownRabbitmq();
  const { withPulse, collect, durable, ourConnections } = own;
  const sockets = () => process.getActiveResourcesInfo().filter(type => type === 'TCPSocketWrap').length;

  it('closes a blocked connection too, and leaves no socket to a broker that does not read', async () => {
    const before = sockets();
    const pulse = connect({ url: own.url, backoff: BACKOFF });
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await pulse.declareExchange(exchange);
    await own.control.memoryAlarm(true);
    try {
      const waiting = pulse.publish(exchange, 'k', 1).catch((error: unknown) => error);
      await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'blocked')));
      await pulse.close(100);
      expect(await waiting).toMatchObject({ kind: 'closed' });
      await expect.poll(sockets).toBe(before);
    } finally {
      await own.control.memoryAlarm(false);
    }
  });

  it('waits for the answers of a broker whose memory is full, without losing the connection', async () => {
    const endpoint = endpointFrom({ url: own.url });
    const pulse = connect({ url: own.url, transport: amqpTransport(endpoint, {}, 300), backoff: BACKOFF });
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await pulse.declareExchange(exchange);
    await own.control.memoryAlarm(true);
    try {
      const published = pulse.tryPublish(exchange, 'k', 1, { deadlineMs: Infinity });
      await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'blocked')));
      const states: string[] = [];
      pulse.state$.subscribe(({ name }) => states.push(name));
      const declared = pulse.declareExchange(`${exchange}/other`);
      await sleep(1_500);
      expect(states).toEqual(['blocked']);
      await own.control.memoryAlarm(false);
      await declared;
      expect(await published).toEqual({ status: 'confirmed' });
      expect(states).toEqual(['blocked', 'connected']);
    } finally {
      await own.control.memoryAlarm(false);
      await pulse.close();
    }
  });

  it('recovers after the broker was down, with exactly one consumer, and receives the messages in its queues', async () => {
    await withPulse(async (pulse, exchange) => {
      const other = `${exchange}/other`;
      await pulse.declareExchange(other);
      const keeping = [false, true].map(quorum =>
        pulse.queue(namedQueue(`test-${randomUUID()}`, { maxLength: 10, expiresMs: 60_000, quorum })),
      );
      for (const kept of keeping) await kept.declare([binding(other, '#')]);
      await pulse.publish(other, 'k', 'confirmed before');
      const queue = durable();
      const { bodies, consumed } = await collect(pulse, exchange, queue);
      await own.control.stop();
      const published = pulse.publish(exchange, 'k', 'sent while the broker was away');
      try {
        await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
        await expect(pulse.publish(exchange, 'k', {}, { deadlineMs: 1_000 })).rejects.toMatchObject({
          kind: 'connection',
          message: expect.stringContaining('before the deadline: the broker at 127.0.0.1'),
        });
      } finally {
        await own.control.start();
      }
      await published;
      await expect.poll(() => bodies).toEqual(['sent while the broker was away']);
      expect(consumed()).toBe(2);
      const ours = (await own.control.queues()).filter(({ name }) => name === queue.nameFor('tcw-test'));
      expect(ours.map(({ consumers }) => consumers)).toEqual([1]);
      for (const kept of keeping) await expect.poll(async () => (await kept.inspect())?.messages).toBe(1);
    });
  });

  it('detects a silent network by heartbeats', async () => {
    const { hostname, port } = endpointFrom({ url: own.url });
    const proxy = await faultProxy({ host: hostname, port });
    const url = new URL(own.url);
    url.port = String(proxy.port);
    await withPulse(async (pulse, exchange) => {
      const { bodies, consumed, consumers } = await collect(pulse, exchange, durable());
      proxy.freeze();
      const unheard = pulse.publish(exchange, 'k', 'unheard', { deadlineMs: 200 });
      await expect(unheard).rejects.toMatchObject({ kind: 'connection' });
      await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
      proxy.cut();
      proxy.thaw();
      await expect.poll(consumed).toBe(2);
      await pulse.publish(exchange, 'k', 'heard again');
      // What was sent into the silence may have been kept by the network.
      await expect.poll(() => bodies).toContain('heard again');
      expect(await consumers()).toBe(1);
    }, url.href);
    await proxy.close();
  });

  it('consumes again after an operator has closed its connections', async () => {
    await withPulse(async (pulse, exchange) => {
      const { bodies, consumed, consumers } = await collect(pulse, exchange, durable());
      await own.control.closeConnections(
        ({ connectionName }) => connectionName?.startsWith(CONNECTION) === true,
      );
      await expect.poll(consumed).toBe(2);
      await pulse.publish(exchange, 'k', 'again');
      await expect.poll(() => bodies).toEqual(['again']);
      expect(await consumers()).toBe(1);
    });
  });

  it('keeps trying after its user was deleted, as PulseGuardian does for a new password, and recovers with the user', async () => {
    await withPulse(async (pulse, exchange) => {
      const { bodies, consumers } = await collect(pulse, exchange, durable());
      const refused = firstValueFrom(
        pulse.state$.pipe(
          filter(state => state.name === 'waiting' && state.error.kind === 'credentials'),
          map(({ name }) => name),
        ),
      );
      await own.control.deleteUser('tcw-test');
      await refused;
      await own.control.restoreUsers();
      await expect
        .poll(async () => {
          await pulse.publish(exchange, 'k', 'back');
          return bodies;
        })
        .toContain('back');
      expect(await consumers()).toBe(1);
    });
  });

  it('does not give up publishing if the first login for publishing is refused after one for consuming succeeded', async () => {
    const pulse = connect({ url: own.url, backoff: BACKOFF, connectionName: CONNECTION });
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await withPulse(other => other.declareExchange(exchange));
    await pulse.ready();
    await own.control.deleteUser('tcw-test');
    const published = pulse.publish(exchange, 'k', 1);
    try {
      await firstValueFrom(
        pulse.state$.pipe(filter(state => state.name === 'waiting' && state.error.kind === 'credentials')),
      );
    } finally {
      await own.control.restoreUsers();
    }
    await published;
    await pulse.close();
  });

  channels(own);
  expiry(own);
  exchanges(own);
  networks(own);
  smallFrames(own);

  describe('shared with the in-memory broker', () => {
    const user = 'tcw-test';
    const troubled = () => {
      const { url, control, rabbitmqctl } = own;
      const { password } = endpointFrom({ url });
      const host = new URL(url);
      host.username = host.password = '';
      return {
        user,
        password: password.reveal(),
        connect: (options = {}) =>
          connect({
            url: host.href,
            user,
            password,
            backoff: BACKOFF,
            connectionName: 'trouble',
            ...options,
          }),
        connections: async () =>
          (await control.connections()).filter(({ connectionName }) => connectionName?.startsWith('trouble'))
            .length,
        cutConnections: async () => {
          await control.closeConnections(
            ({ connectionName }) => connectionName?.startsWith('trouble') === true,
          );
        },
        alarm: (raised: boolean) => control.memoryAlarm(raised),
        changePassword: async (changed: string) => {
          const pattern = `^(queue/${user}/.*|exchange/${user}/.*)`;
          await control.deleteUser(user);
          await rabbitmqctl('add_user', user, changed);
          await rabbitmqctl('set_permissions', user, pattern, pattern, `^(queue/${user}/.*|exchange/.*)`);
        },
      };
    };
    afterEach(() => own.control.restoreUsers());

    trouble(troubled);
  });

  describe('at its start', () => {
    const failing = async (url: string) => {
      const pulse = connect({ url, backoff: BACKOFF });
      const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
      await pulse.close();
      return state;
    };
    const altered = (change: (url: URL) => void) => {
      const url = new URL(own.url);
      change(url);
      return url.href;
    };

    it('treats a wrong password as final', async () => {
      const wrong = altered(url => (url.password = 'not-the-password'));
      expect(await failing(wrong)).toMatchObject({ name: 'failed', error: { kind: 'credentials' } });
    });

    it('treats a wrong vhost as final', async () => {
      const wrong = altered(url => (url.pathname = '/nowhere'));
      expect(await failing(wrong)).toMatchObject({ name: 'failed', error: { kind: 'vhost' } });
    });

    it('retries a broker that does not answer', async () => {
      const wrong = altered(url => (url.port = '1'));
      expect(await failing(wrong)).toMatchObject({ name: 'waiting', error: { kind: 'connection' } });
    });

    it('shows no secret in errors, states or the output of inspect', async () => {
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

  it('closes at once even if the broker is down', async () => {
    const pulse = connect({ url: own.url, backoff: BACKOFF, connectionName: CONNECTION });
    const exchange = `exchange/tcw-test/${randomUUID()}`;
    await pulse.declareExchange(exchange);
    const { consumed } = await collect(pulse, exchange);
    expect(consumed()).toBe(1);
    await own.control.stop();
    try {
      await pulse.close(60_000);
      await pulse.close();
    } finally {
      await own.control.start();
    }
    expect(await ourConnections()).toEqual([]);
  });
});
