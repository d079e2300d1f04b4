import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  binding,
  connect,
  endpointFrom,
  handle,
  namedQueue,
  type HandleEvent,
  type Pulse,
} from '../../src/pulse/index.ts';
import { frame, shortString, uint } from './frames/frames.ts';

const url = inject('pulseUrl');
const { hostname, port: brokerPort, user } = endpointFrom({ url });

/** connection.close, 541, because of basic.publish. */
const CLOSE = frame(
  1,
  0,
  Buffer.concat([
    ...[uint(10, 2), uint(50, 2), uint(541, 2)],
    ...[shortString('INTERNAL_ERROR'), uint(60, 2), uint(40, 2)],
  ]),
);

describe.each([
  ['ends it without a word', (client: Socket) => client.resetAndDestroy()],
  ['closes it with 541', (client: Socket) => client.end(CLOSE)],
])('a message over which the broker loses the connection, and %s', (_, hangUp) => {
  let pulse: Pulse;
  let exchange: string;
  let poisoned: number;
  let close: () => Promise<void>;

  /** A way to the broker that ends when a certain word comes by. */
  beforeEach(async () => {
    poisoned = 0;
    const sockets = new Set<Socket>();
    const server = createServer(client => {
      const broker = connectSocket({ host: hostname, port: brokerPort });
      for (const socket of [client, broker]) sockets.add(socket.on('error', () => undefined));
      broker.pipe(client);
      client.on('data', (data: Buffer) => {
        if (broker.destroyed) return;
        if (!data.includes('POISON')) {
          broker.write(data);
          return;
        }
        poisoned++;
        // What came before it has arrived.
        broker.unpipe(client).end(data.subarray(0, data.indexOf('POISON')));
        broker.destroySoon();
        hangUp(client);
      });
      client.on('close', () => broker.destroy());
      broker.on('close', () => {
        if (client.writable && poisoned === 0) client.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const behind = new URL(url);
    behind.port = String((server.address() as AddressInfo).port);
    pulse = connect({ url: behind.href, backoff: { baseMs: 20, capMs: 200 } });
    exchange = `exchange/${user}/poison-${randomUUID()}`;
    await pulse.declareExchange(exchange);
    close = async () => {
      await pulse.close(100);
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    };
  });
  afterEach(() => close());

  const queueOf = () =>
    namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 1_000, deadLetter: true });

  it('is the only one refused of 300 in flight, and the others keep their order', async () => {
    const queue = queueOf();
    const bodies: unknown[] = [];
    pulse.consume({ queue, bindings: [binding(exchange, '#')], prefetch: 100 }).subscribe(message => {
      bodies.push(message.body);
      message.ack();
    });
    await pulse.queue(queue).declare([binding(exchange, '#')]);
    const all = Array.from({ length: 300 }, (__, n) => n);
    const results = await Promise.all(
      all.map(n => pulse.tryPublish(exchange, 'k', n === 150 ? 'POISON' : n, { deadlineMs: Infinity })),
    );
    expect(results[150]).toMatchObject({
      status: 'refused',
      error: {
        kind: 'mismatch',
        message: expect.stringContaining(`the connection each time that k of ${exchange} is`),
      },
    });
    expect(results.filter(({ status }) => status === 'confirmed')).toHaveLength(299);
    expect(poisoned).toBeLessThanOrEqual(5);
    await expect.poll(() => new Set(bodies).size).toBe(299);
    expect([...new Set(bodies)]).toEqual(all.filter(n => n !== 150));
    await pulse.queue(queue).delete();
  });

  it('ends no more connections as the copy of a retry, which has no deadline, and is retried locally', async () => {
    const queue = queueOf();
    const bindings = [binding(exchange, '#')];
    await pulse.queue(queue).declare(bindings);
    const direct = connect({ url });
    await direct.publish(exchange, 'bad', 'POISON');
    await direct.publish(exchange, 'good', 'harmless');
    await direct.close();
    const events: HandleEvent[] = [];
    const attempts: string[] = [];
    const outcomes: string[] = [];
    const retry = { attempts: 3, backoff: { baseMs: 5, capMs: 10 } };
    const failing = handle(
      ({ routingKey }, { attempt }) => {
        attempts.push(`${routingKey} ${attempt}`);
        throw new Error('not now');
      },
      { retry, onEvent: event => events.push(event) },
    );
    pulse
      .consume({ queue, bindings })
      .pipe(failing)
      .subscribe(({ message, outcome }) => outcomes.push(`${message.routingKey} ${outcome}`));
    await expect
      .poll(() => outcomes.filter(outcome => outcome.endsWith('dead-lettered')).sort())
      .toEqual(['bad dead-lettered', 'good dead-lettered']);
    expect(new Set(attempts)).toEqual(new Set(['bad 1', 'bad 2', 'bad 3', 'good 1', 'good 2', 'good 3']));
    expect(events.map(({ type }) => type)).toContain('not-counted');
    // A copy that the broker does not take is not made again.
    expect(poisoned).toBeLessThanOrEqual(5);
    await pulse.queue(queue).delete();
    await expect(pulse.tryPublish(exchange, 'k', 'goes on')).resolves.toEqual({ status: 'confirmed' });
  });
});
