import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/pulse/index.ts';

/** What a client says first: the version of AMQP, or a handshake of TLS. */
describe('a URL', () => {
  const sockets = new Set<Socket>();
  const server = createServer(socket => sockets.add(socket.on('error', () => undefined)));

  beforeEach(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it.each([
    ['amqp', '', 'AMQP'],
    ['amqp', '/?ssl=0', 'AMQP'],
    ['amqp', '/?ssl=1', 'TLS'],
    ['amqps', '/?heartbeat=20', 'TLS'],
  ])('%s://…%s begins with %s', async (scheme, rest, first) => {
    const { port } = server.address() as AddressInfo;
    const [accepted, pulse] = [
      once(server, 'connection') as Promise<[Socket]>,
      connect({ url: `${scheme}://me:s3cr3t@127.0.0.1:${port}${rest}` }),
    ];
    const [socket] = await accepted;
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes[0] === 0x16 ? 'TLS' : bytes.toString('latin1', 0, 4)).toBe(first);
    expect(bytes.toString('latin1')).not.toContain('s3cr3t');
    await pulse.close(0);
  });
});
