import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { faultProxy } from './fault-proxy.ts';

const closing = (socket: Socket | undefined) => new Promise(resolve => socket?.on('close', resolve));

/** An echo server, and a client that is connected to it through the proxy. */
async function echo() {
  const peers: Socket[] = [];
  const server = createServer(peer => {
    peers.push(peer);
    peer.on('error', () => undefined);
    peer.pipe(peer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await faultProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await proxy.close();
    server.close();
  });
  const client = () => {
    const socket = connect(proxy.port, '127.0.0.1');
    sockets.push(socket);
    let heard = '';
    socket.on('error', () => undefined).on('data', chunk => (heard += chunk.toString()));
    // `once` would reject on an error.
    const closed = closing(socket);
    return { socket, closed, heard: () => heard, say: (text: string) => void socket.write(text) };
  };
  const connected = async () => {
    const one = client();
    one.say('hello');
    await expect.poll(one.heard).toBe('hello');
    return one;
  };
  return { proxy, peers, client, connected };
}

it('the proxy passes everything until it cuts, and then closes both sides', async () => {
  const { proxy, peers, connected } = await echo();
  const one = await connected();
  const peerClosed = closing(peers[0]);
  proxy.cut();
  await Promise.all([one.closed, peerClosed]);
  await expect.poll(() => proxy.connections).toBe(0);
  await connected();
});

it('the proxy holds bytes while it is frozen, and passes them when it thaws', async () => {
  const { proxy, connected, client } = await echo();
  const one = await connected();
  proxy.freeze();
  one.say(' again');
  const late = client();
  late.say('late');
  await sleep(200);
  expect([one.heard(), late.heard()]).toEqual(['hello', '']);
  proxy.thaw();
  await expect.poll(() => [one.heard(), late.heard()]).toEqual(['hello again', 'late']);
});

it('the proxy leaves a client half open: its peer is gone without a sign', async () => {
  const { proxy, peers, connected } = await echo();
  const one = await connected();
  const peerClosed = closing(peers[0]);
  proxy.halfOpen();
  await peerClosed;
  one.say(' anybody?');
  await sleep(200);
  expect([one.heard(), one.socket.destroyed]).toEqual(['hello', false]);
  await connected();
});

it('the proxy refuses new connections and keeps the old ones, until it accepts again', async () => {
  const { proxy, connected, client } = await echo();
  const one = await connected();
  proxy.refuse();
  await client().closed;
  one.say(' still');
  await expect.poll(one.heard).toBe('hello still');
  proxy.accept();
  await connected();
});

it('the proxy delays each direction, in order', async () => {
  const { proxy, connected } = await echo();
  const one = await connected();
  proxy.delay(100);
  const sent = performance.now();
  one.say('1');
  await sleep(10);
  proxy.delay(0);
  one.say('2');
  await expect.poll(one.heard).toBe('hello12');
  expect(performance.now() - sent).toBeGreaterThanOrEqual(99);
});

it('the proxy cuts after a number of bytes, once', async () => {
  const { proxy, connected } = await echo();
  const one = await connected();
  proxy.cutAfter(3);
  one.say('123');
  await expect.poll(one.heard).toBe('hello123');
  one.say('4');
  await one.closed;
  expect(one.heard()).toBe('hello123');
  await connected();
});
