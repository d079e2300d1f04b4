import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TEST_MS } from '../../patience.ts';
import { waitFor } from '../../wait-for.ts';
import { call, exchange, httpService, proxyTo } from './run-proxy.ts';

const PING = '/api/queue/v1/ping';

describe('a task that opens as many connections as it can', { timeout: TEST_MS }, () => {
  it('gets at most 256, and its proxy keeps working', async () => {
    await using service = await httpService((_, response) => response.end('pong'));
    await using proxy = await proxyTo(service.rootUrl);
    const open = new Set<Socket>();
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = net.connect(proxy.port, '127.0.0.1');
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
      // The beginning of a request that never ends.
      socket.write('GET /api/queue/v1/ping HTTP/1.1\r\nHost: ');
      return socket;
    });
    await waitFor(() => {
      expect(open.size).toBe(256);
    });
    for (const socket of sockets) socket.destroy();
    await waitFor(async () => {
      expect(await call(proxy.url, PING)).toMatchObject({ status: 200, text: 'pong' });
    });
  });

  it('makes 128 calls at a time, and the others afterwards', async () => {
    let most = 0;
    const waiting = new Set<() => void>();
    await using service = await httpService((_, response) => {
      waiting.add(() => response.end('pong'));
      most = Math.max(most, waiting.size);
    });
    await using proxy = await proxyTo(service.rootUrl);
    const answers = Array.from({ length: 200 }, () => call(proxy.url, PING));
    await waitFor(() => {
      expect(waiting.size).toBe(128);
    });
    const answered = Promise.all(answers);
    const timer = setInterval(() => {
      for (const end of waiting) end();
      waiting.clear();
    }, 10);
    const statuses = (await answered).map(({ status }) => status);
    clearInterval(timer);
    expect(statuses).toEqual(Array(200).fill(200));
    expect(most).toBe(128);
  });

  it('is disconnected if it never completes a request', async () => {
    await using service = await httpService((_, response) => response.end('pong'));
    await using proxy = await proxyTo(service.rootUrl);
    // The limit is 20 s, which the server checks every 5 s.
    const text = await exchange(proxy.port, `GET ${PING} HTTP/1.1\r\nHost: localhost\r\nX: `);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('gets an error for headers that are too large', async () => {
    await using service = await httpService((_, response) => response.end('pong'));
    await using proxy = await proxyTo(service.rootUrl);
    const large = `GET ${PING} HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await exchange(proxy.port, large)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('has every connection closed when the proxy closes', async () => {
    await using service = await httpService(() => undefined);
    const proxy = await proxyTo(service.rootUrl);
    const sockets = Array.from({ length: 20 }, () =>
      net.connect(proxy.port, '127.0.0.1').on('error', () => undefined),
    );
    await Promise.all(sockets.map(socket => once(socket, 'connect')));
    for (const [i, socket] of sockets.entries()) {
      if (i % 2 === 0) socket.write(`GET ${PING} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    }
    const closed = sockets.map(socket => new Promise(resolve => socket.once('close', resolve)));
    await proxy[Symbol.asyncDispose]();
    await Promise.all(closed);
    await proxy[Symbol.asyncDispose]();
  });
});
