import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { filter, firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { amqpTransport } from '../../src/pulse/transport/amqp/transport.ts';
import { binding, connect, endpointFrom, ephemeralQueue, type Pulse } from '../../src/pulse/index.ts';
import { frameProxy, isMethod } from './frames/frames.ts';

const url = inject('pulseUrl');
const { hostname, port: brokerPort, user } = endpointFrom({ url });
const broker = { host: hostname, port: brokerPort };
const at = (port: number, protocol = 'amqp:') => {
  const there = new URL(url);
  there.port = String(port);
  return there.href.replace('amqp:', protocol);
};

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const connected = (options: Parameters<typeof connect>[0]): Pulse => {
  const pulse = connect({ backoff: { baseMs: 5, capMs: 20 }, ...options });
  closing.push(() => pulse.close(0));
  return pulse;
};

/** Sends bytes one by one, for as long as somebody listens: the first of them, and then the last again and again. */
const drip = (client: Socket, bytes: Buffer) => {
  let sent = 0;
  const dripping = setInterval(() => {
    client.write(bytes.subarray(Math.min(sent, bytes.length - 1), Math.min(sent, bytes.length - 1) + 1));
    sent++;
  }, 10);
  client.on('close', () => {
    clearInterval(dripping);
  });
};
/** A method frame that is longer than anybody has patience for. */
const ENDLESS = Buffer.from([1, 0, 0, 0, 15, 255, 255, 0, 10, 0, 10, 0]);
/** A record of TLS that is as long as one may be. */
const TLS_RECORD = Buffer.from([22, 3, 3, 64, 0, 2, 0]);

describe('connecting to a server', () => {
  it.each<[string, string, (client: Socket) => void]>([
    ['that says nothing', 'amqp:', () => undefined],
    ['that says a byte now and then', 'amqp:', client => drip(client, ENDLESS)],
    ['that says nothing of TLS', 'amqps:', () => undefined],
    ['that says a byte of TLS now and then', 'amqps:', client => drip(client, TLS_RECORD)],
    [
      'that falls silent within the handshake',
      'amqp:',
      client => {
        const behind = connectSocket(broker).on('error', () => undefined);
        client.pipe(behind);
        // The first packet is connection.start.
        behind.once('data', data => client.write(data));
        client.on('close', () => behind.destroy());
      },
    ],
    [
      'that sends heartbeats instead of an answer',
      'amqp:',
      client => {
        const beating = setInterval(() => client.write(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])), 10);
        client.on('close', () => {
          clearInterval(beating);
        });
      },
    ],
  ])('%s ends at its timeout, and leaves no socket', async (_, protocol, serve) => {
    const sockets = new Set<Socket>();
    const closed = Promise.withResolvers<undefined>();
    const server = createServer(client => {
      sockets.add(client.on('error', () => undefined));
      client.on('close', () => {
        sockets.delete(client);
        closed.resolve(undefined);
      });
      client.resume();
      serve(client);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => new Promise(resolve => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const pulse = connected({
      url: at(port, protocol),
      connectTimeoutMs: 200,
      backoff: { baseMs: 60_000, capMs: 60_000 },
    });
    const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
    expect(state).toMatchObject({
      name: 'waiting',
      error: {
        kind: 'connection',
        message: expect.stringContaining(`127.0.0.1:${port} cannot be reached: `),
      },
    });
    await closed.promise;
    expect(sockets.size).toBe(0);
  });

  it('that is an HTTP server is reported as such', async () => {
    const server = createHttpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => new Promise(resolve => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const pulse = connected({ url: at(port, 'amqp:') });
    const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
    expect(state).toMatchObject({
      error: {
        kind: 'connection',
        message: `the broker at 127.0.0.1:${port} does not answer in AMQP: another service uses this port`,
      },
    });
  });

  it('that answers in time is not abandoned later', async () => {
    const pulse = connected({ url, connectTimeoutMs: 1_000 });
    await pulse.ready();
    const states: string[] = [];
    pulse.state$.subscribe(({ name }) => states.push(name));
    await new Promise(resolve => setTimeout(resolve, 1_500));
    expect(states).toEqual(['connected']);
  });
});

describe('a broker that sends heartbeats, but no answers', () => {
  const CHANNEL = 20;
  const QUEUE = 50;
  const BASIC = 60;

  it.each<[string, number, number, connections: number]>([
    ['the opening of a channel has lost the connection', CHANNEL, 11, 2],
    ['the declaration of a queue has lost its channel', QUEUE, 11, 1],
    ['a binding has lost its channel', QUEUE, 21, 1],
    ['a consumer has lost its channel', BASIC, 21, 1],
  ])('is asked again after %s', async (_, classId, methodId, connections) => {
    let swallowed = 0;
    const proxy = await frameProxy(broker, frame =>
      isMethod(frame, classId, methodId) && swallowed++ === 0 ? Buffer.alloc(0) : undefined,
    );
    closing.push(() => proxy.close());
    const exchange = `exchange/${user}/slow-${randomUUID()}`;
    await connected({ url }).declareExchange(exchange);
    const endpoint = endpointFrom({ url: at(proxy.port) });
    const pulse = connected({ url: at(proxy.port), transport: amqpTransport(endpoint, {}, 1_000) });
    const consuming = Promise.withResolvers<undefined>();
    const events: unknown[] = [];
    pulse
      .consume({
        queue: ephemeralQueue('slow'),
        bindings: [binding(exchange, '#')],
        onEvent: event => {
          events.push(event);
          if (event.type === 'consuming') consuming.resolve(undefined);
        },
      })
      .subscribe({ error: consuming.reject });
    await consuming.promise;
    expect(swallowed).toBeGreaterThan(0);
    expect(proxy.taken()).toBe(connections);
    if (connections === 1) {
      expect(events[0]).toMatchObject({
        type: 'interrupted',
        error: { kind: 'connection', message: expect.stringContaining('has not answered within 1000 ms') },
      });
    }
  });
});
