import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { frame, type TunnelPeer } from '../../harness/websocktunnel/peer.ts';
import { ID, throughTunnel, type TunnelSetting } from './tunnel-setting.ts';

const [DAT, SYN, ACK, FIN] = [0, 1, 2, 3];
const WINDOW = 4 * 1024 ** 2;

/** The tunnel's side of a connection to a worker, controlled by the test. It records the worker's frames. */
async function byHand(answer: Parameters<typeof throughTunnel>[0] = () => undefined, pingMs = 20_000) {
  const setting = await throughTunnel(answer, { pingMs });
  const peer = setting.wst.peers.get(ID)!;
  const heard: { type: number; id: number; payload: Buffer }[] = [];
  peer.socket.removeAllListeners('message');
  peer.socket.on('message', (message: Buffer) => {
    heard.push({ type: message.readUInt8(0), id: message.readUInt32LE(1), payload: message.subarray(5) });
  });
  const of = (id: number, type: number) => heard.filter(each => each.id === id && each.type === type);
  const dataOf = (id: number) => Buffer.concat(of(id, DAT).map(({ payload }) => payload));
  return { ...setting, peer, heard, of, dataOf, send: peer.sendRaw.bind(peer) };
}

const GET = Buffer.from('GET /x HTTP/1.1\r\nhost: x\r\n\r\n');
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** Whether the worker still serves. */
async function stillServes({ tunnel }: TunnelSetting): Promise<void> {
  await waitFor(async () => {
    expect((await fetch(`${tunnel.prefix}/`)).status).toBe(200);
  });
}

it('announces the window of the tunnel, and acknowledges what was consumed', async () => {
  const { send, of } = await byHand((_incoming, response) => void response.end('done'));
  send(SYN, 0);
  await waitFor(() => {
    expect(of(0, ACK)).toHaveLength(1);
  });
  expect(of(0, ACK)[0]?.payload).toEqual(u32(WINDOW));
  send(DAT, 0, GET);
  await waitFor(() => {
    const consumed = of(0, ACK)
      .slice(1)
      .reduce((sum, { payload }) => sum + payload.readUInt32LE(0), 0);
    expect(consumed).toBe(GET.length);
  });
});

it('sends no more than the window until the peer acknowledges it', async () => {
  const size = WINDOW + 1024 ** 2;
  const { send, dataOf, of } = await byHand((_incoming, response) => void response.end(Buffer.alloc(size)));
  send(SYN, 2);
  send(DAT, 2, GET);
  await waitFor(() => {
    expect(dataOf(2)).toHaveLength(WINDOW);
  });
  expect(of(2, FIN)).toHaveLength(0);
  send(ACK, 2, u32(10));
  await waitFor(() => {
    expect(dataOf(2)).toHaveLength(WINDOW + 10);
  });
  // Acknowledging more than was sent does not make the window larger than the buffer.
  send(ACK, 2, u32(0xffffffff));
  await waitFor(() => {
    expect(dataOf(2).length).toBeGreaterThan(size);
  });
});

it('treats a FIN as the end of one direction only', async () => {
  const { send, dataOf, of, server } = await byHand();
  server.on('upgrade', (_incoming, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    socket.resume().on('end', () => setTimeout(() => socket.end('after the end'), 50));
  });
  send(SYN, 4);
  send(DAT, 4, Buffer.from('GET /x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'));
  send(FIN, 4);
  await waitFor(() => {
    expect(dataOf(4).toString()).toContain('after the end');
    expect(of(4, FIN)).toHaveLength(1);
  });
});

it('treats a FIN before the end of a response as a viewer who has left', async () => {
  let closed = 0;
  const { send, of, dataOf } = await byHand((_incoming, response) => {
    response.write('begun');
    response.on('close', () => closed++);
  });
  send(SYN, 4);
  send(DAT, 4, GET);
  await waitFor(() => {
    expect(dataOf(4).toString()).toContain('begun');
  });
  send(FIN, 4);
  await waitFor(() => {
    expect([closed, of(4, FIN).length]).toEqual([1, 1]);
  });
});

it('ignores a second SYN, and frames of unknown streams', async () => {
  const setting = await byHand((_incoming, response) => void response.end('ok'));
  const { send, of, dataOf } = setting;
  send(DAT, 77, Buffer.from('x'));
  send(ACK, 78, u32(5));
  send(FIN, 79);
  send(SYN, 6);
  send(SYN, 6);
  send(DAT, 6, GET);
  await waitFor(() => {
    expect(dataOf(6).toString()).toContain('200 OK');
  });
  expect(of(6, ACK).filter(({ payload }) => payload.equals(u32(WINDOW)))).toHaveLength(1);
  expect([...of(77, FIN), ...of(78, FIN), ...of(79, FIN)]).toEqual([]);
});

it.each([
  ['a text message', (peer: TunnelPeer) => peer.socket.send('hello')],
  ['a frame that is cut', (peer: TunnelPeer) => peer.socket.send(Buffer.from([DAT, 1]))],
  ['an empty message', (peer: TunnelPeer) => peer.socket.send(Buffer.alloc(0))],
  ['an unknown type', (peer: TunnelPeer) => peer.socket.send(frame(4, 0))],
  ['an ACK without a number', (peer: TunnelPeer) => peer.socket.send(frame(ACK, 0))],
  ['a SYN with data', (peer: TunnelPeer) => peer.socket.send(frame(SYN, 0, Buffer.from('x')))],
])('closes the connection with 1008 for %s, and reconnects', async (_what, send) => {
  const setting = await byHand((_incoming, response) => void response.end());
  const closed = once(setting.peer.socket, 'close');
  send(setting.peer);
  expect((await closed)[0]).toBe(1008);
  await stillServes(setting);
  expect(setting.told[0]).toContain('the tunnel broke the protocol');
});

it('closes the connection for a message that is larger than a window', async () => {
  const setting = await byHand((_incoming, response) => void response.end());
  const closed = once(setting.peer.socket, 'close');
  setting.send(DAT, 0, Buffer.alloc(WINDOW + 1));
  await closed;
  await stillServes(setting);
});

it('closes a stream that sends more than its window, and no other', async () => {
  const reads: string[] = [];
  const setting = await byHand((incoming, response) => {
    reads.push(incoming.url ?? '');
    // For other methods, the handler never reads.
    if (incoming.method === 'GET') response.end('fine');
  });
  const { send, of, dataOf } = setting;
  send(SYN, 8);
  send(DAT, 8, Buffer.from('POST /endless HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n'));
  await waitFor(() => {
    expect(reads).toContain('/endless');
  });
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 12; i++) send(DAT, 8, Buffer.alloc(1024 ** 2));
  await waitFor(() => {
    expect(of(8, FIN)).toHaveLength(1);
  });
  for (let i = 0; i < 100; i++) send(DAT, 8, Buffer.alloc(1024 ** 2));
  send(SYN, 10);
  send(DAT, 10, GET);
  await waitFor(() => {
    expect(dataOf(10).toString()).toContain('fine');
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(300 * 1024 ** 2);
});

/** Sends a request with this many bytes of a body that no handler reads. */
function fill(send: TunnelPeer['sendRaw'], id: number, bytes: number): void {
  send(SYN, id);
  send(DAT, id, Buffer.from('POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n'));
  for (let left = bytes; left > 0; left -= 1024 ** 2) send(DAT, id, Buffer.alloc(Math.min(left, 1024 ** 2)));
}

it('keeps as many paused streams with full windows as a task has shells', async () => {
  const { send, of, dataOf } = await byHand((incoming, response) => {
    if (incoming.method === 'GET') response.end('fine');
  });
  const ids = Array.from({ length: 10 }, (_, i) => 100 + 2 * i);
  for (const id of ids) fill(send, id, WINDOW - 1024);
  send(SYN, 8);
  send(DAT, 8, GET);
  await waitFor(() => {
    expect(dataOf(8).toString()).toContain('fine');
  });
  expect(ids.map(id => of(id, FIN).length)).toEqual(ids.map(() => 0));
});

it('closes the streams with the largest buffers if all together exceed the limit', async () => {
  const { send, of, dataOf } = await byHand((incoming, response) => {
    if (incoming.url === '/small') incoming.resume().on('end', () => response.end('fine'));
  });
  send(SYN, 8);
  send(DAT, 8, Buffer.from('POST /small HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na'));
  const ids = Array.from({ length: 30 }, (_, i) => 100 + 2 * i);
  for (const id of ids) fill(send, id, 3 * 1024 ** 2);
  await waitFor(() => {
    expect(ids.filter(id => of(id, FIN).length > 0).length).toBeGreaterThan(5);
  });
  send(DAT, 8, Buffer.from('b'));
  await waitFor(() => {
    expect(dataOf(8).toString()).toContain('fine');
  });
});

it('sends pings, and closes a connection whose peer does not respond', async () => {
  const setting = await byHand((_incoming, response) => void response.end(), 100);
  // The tunnel stays connected, but does not read.
  setting.peer.socket.pause();
  await waitFor(() => {
    expect(setting.told).toContain('lost: the tunnel does not answer pings');
  });
  setting.peer.socket.terminate();
  await stillServes(setting);
});
