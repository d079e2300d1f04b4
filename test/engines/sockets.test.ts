import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionOf } from '../../src/worker/engines/connection.ts';
import { clientSocket, canListConnections } from '../../src/worker/engines/native/processes/sockets.ts';

/** Both ends of a connection within this process. */
async function connected(listen: string, to: string, localPort?: number) {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, listen);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({ port, host: to, ...(localPort && { localPort }) });
  const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
  for (const end of [client, socket]) end.on('error', () => undefined);
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
  });
  return { client, socket, port, server };
}

/** The name of an open socket in the links of /proc. */
function nameOf(socket: Socket): string {
  const { _handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
  return `socket:[${fstatSync(_handle.fd).ino}]`;
}

const isLinux = process.platform === 'linux';

describe.runIf(isLinux)('the client socket of a connection', () => {
  it('is identified by the system', async () => {
    expect(await canListConnections()).toBe(true);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['0.0.0.0', '127.1.2.3'],
    ['::1', '::1'],
    ['::', '::1'],
    ['::', '127.0.0.1'],
    ['::', '::ffff:127.0.0.1'],
  ])('is found if a server listens on %s and the client connects to %s', async (listen, to) => {
    const { client, socket } = await connected(listen, to);
    const connection = connectionOf(socket);
    expect(connection && (await clientSocket(connection))).toBe(nameOf(client));
  });

  it('is not confused with another one to the same server', async () => {
    const { client, socket, server, port } = await connected('127.0.0.1', '127.0.0.1');
    const others: Socket[] = [];
    server.on('connection', other => others.push(other));
    const clients = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'));
    await Promise.all(clients.map(other => once(other, 'connect')));
    onTestFinished(() => {
      for (const other of [...clients, ...others]) other.destroy();
    });
    const connection = connectionOf(socket);
    expect(connection && (await clientSocket(connection))).toBe(nameOf(client));
  });

  it('is not found after it was closed', async () => {
    const { client, socket } = await connected('127.0.0.1', '127.0.0.1');
    const connection = connectionOf(socket);
    client.destroy();
    await once(client, 'close');
    expect(connection && (await clientSocket(connection))).toBeUndefined();
  });

  it('is not confused with that of a later connection with the same addresses', async () => {
    // The system gives no other program a port below its own range.
    const localPort = 20_000 + randomInt(10_000);
    const { client, socket, port, server } = await connected('127.0.0.1', '127.0.0.1', localPort);
    const first = connectionOf(socket);
    // A client can send a request before it breaks the connection. The worker then still reads the request.
    client.write('GET / HTTP/1.1\r\n\r\n');
    client.resetAndDestroy();
    await once(client, 'close');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const later = connect({ port, host: '127.0.0.1', localPort });
    const [[secondSocket]] = await Promise.all([accepted, once(later, 'connect')]);
    onTestFinished(() => {
      later.destroy();
      secondSocket.destroy();
    });
    const second = connectionOf(secondSocket);
    expect(second).toMatchObject({ remotePort: first?.remotePort, localPort: first?.localPort });
    expect(first?.isOpen()).toBe(false);
    expect(first && (await clientSocket(first))).toBeUndefined();
    expect(second && (await clientSocket(second))).toBe(nameOf(later));
  });

  it.each(['', 'localhost', '1.2.3', '::g', '1:2:3:4:5:6:7', '127.0.0.1/8', '[::1]', '::1]/x'])(
    'is not found for an invalid address: %j',
    async address => {
      const ends = { remoteAddress: address, remotePort: 1, localAddress: address, localPort: 2 };
      expect(await clientSocket({ ...ends, isOpen: () => true })).toBeUndefined();
    },
  );
});
