import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { connect, endpointFrom, ephemeralQueue } from '../../src/pulse/index.ts';

const { hostname, port: brokerPort } = endpointFrom({ url: inject('pulseUrl') });

/** A method frame of AMQP 0-9-1 on channel 0. */
function methodFrame(classId: number, methodId: number, args: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), args]);
  const head = Buffer.alloc(7);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

const CONNECTION = 10;
const OPEN_OK = methodFrame(CONNECTION, 41, Buffer.from([0]));
/** connection.close, 320 "bye", because of no method. */
const CLOSE = methodFrame(CONNECTION, 50, Buffer.from([1, 64, 3, 98, 121, 101, 0, 0, 0, 0]));

describe('a connection that the broker closes in the same packet in which it opens it', () => {
  let server: Server | undefined;
  const sockets = new Set<Socket>();

  afterEach(() => {
    server?.close();
    for (const socket of sockets) socket.destroy();
  });

  /** A way to the broker on which the first connections end as soon as they are open. */
  const unwelcoming = async (times: number) => {
    let opened = 0;
    server = createServer(client => {
      const broker = connectSocket({ host: hostname, port: brokerPort });
      const closes = opened++ < times;
      for (const socket of [client, broker]) sockets.add(socket.on('error', () => undefined));
      client.pipe(broker);
      broker.on('data', (data: Buffer) => {
        const end = data.indexOf(OPEN_OK) + OPEN_OK.length;
        if (!closes || end < OPEN_OK.length) client.write(data);
        else client.write(Buffer.concat([data.subarray(0, end), CLOSE]));
      });
      broker.on('end', () => client.end());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(inject('pulseUrl'));
    url.port = String((server.address() as AddressInfo).port);
    return { url: url.href, opened: () => opened };
  };

  it('is detected by its first use, and replaced', async () => {
    const { url, opened } = await unwelcoming(2);
    const pulse = connect({ url, backoff: { baseMs: 5, capMs: 20 } });
    const consuming = Promise.withResolvers<undefined>();
    pulse
      .consume({
        queue: ephemeralQueue(),
        bindings: [],
        onEvent: ({ type }) => {
          if (type === 'consuming') consuming.resolve(undefined);
        },
      })
      .subscribe();
    await consuming.promise;
    expect(opened()).toBe(3);
    await pulse.close();
  });
});
