import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, request, type IncomingMessage } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startTestTunnel } from '../../harness/websocktunnel/server.ts';
import { waitFor } from '../../wait-for.ts';
import { ID, throughTunnel } from './tunnel-setting.ts';

const MEGABYTE = 1024 ** 2;

it('serves requests of viewers by the path below the client URL', async () => {
  const { tunnel, wst } = await throughTunnel((incoming, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.end(`${incoming.url} ${String(incoming.headers['x-websocktunnel-original-path'])}`);
  });
  expect(tunnel.prefix).toBe(`http://127.0.0.1:${wst.port}/${ID}`);
  const answer = await fetch(`${tunnel.prefix}/log/abc?x=1`);
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  expect(await answer.text()).toBe(`/log/abc?x=1 /${ID}/log/abc`);
  expect(wst.violations()).toEqual([]);
});

it('transfers far more than a window in both directions, complete and in order', async () => {
  const hashes: string[] = [];
  const body = randomBytes(9 * MEGABYTE + 17);
  const { tunnel, wst } = await throughTunnel((incoming, response) => {
    const hash = createHash('sha256');
    incoming.on('data', (chunk: Buffer) => hash.update(chunk));
    incoming.on('end', () => {
      hashes.push(hash.digest('hex'));
      response.end(body);
    });
  });
  const sent = randomBytes(11 * MEGABYTE + 3);
  const answer = await fetch(`${tunnel.prefix}/x`, { method: 'POST', body: sent });
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  expect(hashes).toEqual([createHash('sha256').update(sent).digest('hex')]);
  expect(wst.violations()).toEqual([]);
});

it('serves many viewers at once, and one that does not read delays no other', async () => {
  const { tunnel, wst } = await throughTunnel((incoming, response) => {
    response.write(Buffer.alloc(5 * MEGABYTE));
    response.end(incoming.url);
  });
  const stuck = get(`${tunnel.prefix}/stuck`);
  onTestFinished(() => void stuck.destroy());
  const [unread] = (await once(stuck, 'response')) as [IncomingMessage];
  unread.pause();
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const text = Buffer.from(await (await fetch(`${tunnel.prefix}/${i}`)).arrayBuffer());
      expect(text.subarray(5 * MEGABYTE).toString()).toBe(`/${i}`);
    }),
  );
  expect(wst.violations()).toEqual([]);
});

it('supports websockets', async () => {
  const { tunnel, server, wst } = await throughTunnel(() => undefined);
  const echo = new WebSocketServer({ server });
  echo.on('connection', socket => {
    socket.on('message', (message, binary) => {
      socket.send(message, { binary });
    });
  });
  const viewer = new WebSocket(`${tunnel.prefix.replace('http', 'ws')}/shell/abc`);
  await once(viewer, 'open');
  viewer.send(Buffer.from([1, 2, 3]));
  const [message, isBinary] = (await once(viewer, 'message')) as [Buffer, boolean];
  expect([[...message], isBinary]).toEqual([[1, 2, 3], true]);
  viewer.close();
  await once(viewer, 'close');
  await waitFor(() => {
    expect(echo.clients.size).toBe(0);
  });
  expect(wst.violations()).toEqual([]);
});

it('returns under the same URL after a lost connection', async () => {
  const { tunnel, wst, told } = await throughTunnel((_incoming, response) => {
    response.end('here');
  });
  const { prefix } = tunnel;
  for (let i = 0; i < 3; i++) {
    wst.peers.get(ID)?.socket.terminate();
    await waitFor(async () => {
      expect(told.filter(word => word === 'back')).toHaveLength(i + 1);
      expect(await (await fetch(`${prefix}/`)).text()).toBe('here');
    });
  }
  expect(tunnel.prefix).toBe(prefix);
});

it('closes what was open through a lost connection, and a reader continues by Range', async () => {
  const body = Buffer.from('0123456789');
  const { tunnel, wst } = await throughTunnel((incoming, response) => {
    const from = Number(/bytes=(\d+)-/.exec(incoming.headers.range ?? '')?.[1] ?? 0);
    response.write(body.subarray(from, from === 0 ? 4 : undefined));
    if (from > 0) response.end();
  });
  const reading = get(`${tunnel.prefix}/log`);
  const [answer] = (await once(reading, 'response')) as [IncomingMessage];
  const [first] = (await once(answer, 'data')) as [Buffer];
  answer.on('error', () => undefined);
  wst.peers.get(ID)?.socket.terminate();
  await waitFor(() => {
    expect(answer.closed).toBe(true);
  });
  await waitFor(async () => {
    const rest = await fetch(`${tunnel.prefix}/log`, { headers: { range: `bytes=${first.length}-` } });
    expect(first.toString() + (await rest.text())).toBe('0123456789');
  });
});

it('requests a new token if the tunnel refuses the current one, and keeps a valid one', async () => {
  let asked = 0;
  const wst = await startTestTunnel();
  const tokenOf = (): string => (asked++ === 0 ? wst.token(ID, { exp: 1 }) : wst.token(ID));
  const { told } = await throughTunnel(
    () => undefined,
    { askToken: async () => ({ token: tokenOf(), expires: new Date(Date.now() + 3_600_000).toISOString() }) },
    { tunnel: wst },
  );
  expect(wst.attempts.map(({ status }) => status)).toEqual([401, 101]);
  expect(told).toEqual([
    'lost: the tunnel answered with status 401: it does not accept the token; wstAudience may be wrong',
    'back',
  ]);
  wst.peers.get(ID)?.socket.terminate();
  await waitFor(() => {
    expect(wst.attempts).toHaveLength(3);
  });
  expect(asked).toBe(2);
  // An error of the server does not mean that the token is invalid.
  wst.refuse(503, 1);
  wst.peers.get(ID)?.socket.terminate();
  await waitFor(() => {
    expect(wst.attempts.map(({ status }) => status).slice(3)).toEqual([503, 101]);
  });
  expect(asked).toBe(2);
});

it('renews a token that is about to expire', async () => {
  let asked = 0;
  const wst = await startTestTunnel();
  await throughTunnel(
    () => undefined,
    {
      askToken: async () => {
        asked++;
        return { token: wst.token(ID), expires: new Date(Date.now() + 1).toISOString() };
      },
    },
    { tunnel: wst },
  );
  wst.peers.get(ID)?.socket.terminate();
  await waitFor(() => {
    expect(wst.attempts).toHaveLength(2);
  });
  expect(asked).toBe(2);
});

it('reports why it cannot be opened, and leaves nothing behind', async () => {
  const wst = await startTestTunnel();
  onTestFinished(() => wst[Symbol.asyncDispose]());
  const refused = throughTunnel(
    () => undefined,
    { askToken: async () => ({ token: 'a.b.c', expires: new Date().toISOString() }), firstWithinMs: 200 },
    { tunnel: wst },
  );
  await expect(refused).rejects.toThrow('status 401');
  const { length } = wst.attempts;
  await new Promise(resolve => setTimeout(resolve, 300));
  expect(wst.attempts).toHaveLength(length);
});

it('does not wait for an auth service that does not answer', async () => {
  const silent = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  const opening = throughTunnel(() => undefined, { askToken: silent, firstWithinMs: 100 });
  await expect(opening).rejects.toThrow('has not answered in 0.1 s');
});

it('cannot be opened if the server sends no client URL', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const opening = throughTunnel(() => undefined, { serverUrl: `ws://127.0.0.1:${port}`, firstWithinMs: 200 });
  await expect(opening).rejects.toThrow('it sends no client URL');
});

it('does not wait for a request that never ends', async () => {
  const { tunnel } = await throughTunnel((_incoming, response) => {
    response.write('begun');
  });
  const reading = request(`${tunnel.prefix}/log`);
  reading.on('error', () => undefined).end();
  await once(reading, 'response');
  await tunnel[Symbol.asyncDispose]();
});
