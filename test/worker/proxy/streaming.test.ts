import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TEST_MS } from '../../patience.ts';
import { waitFor } from '../../wait-for.ts';
import { call, exchange, httpService, proxyTo, rawService, textOf } from './run-proxy.ts';

const MIB = 1024 * 1024;
const BLOCK = Buffer.alloc(256 * 1024, 'x');
/** The kernel's buffers at four ends, and the buffers of the streams. */
const HELD_AT_MOST = 40 * MIB;

const isStill = async (count: () => number) => {
  for (let before = -1; before !== count();) {
    before = count();
    await pause(300);
  }
};

describe('backpressure', { timeout: TEST_MS }, () => {
  it('applies to the service if the task does not read', async () => {
    let written = 0;
    const size = 200 * MIB;
    await using service = await httpService((_, response) => {
      response.writeHead(200, { 'content-length': size });
      const write = () => {
        while (written < size) {
          written += BLOCK.length;
          if (!response.write(BLOCK)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    });
    await using proxy = await proxyTo(service.rootUrl);
    const socket = net.connect(proxy.port, '127.0.0.1');
    socket.write(
      `GET /api/queue/v1/x HTTP/1.1\r\nHost: localhost:${proxy.port}\r\nConnection: close\r\n\r\n`,
    );
    await waitFor(() => {
      expect(written).toBeGreaterThan(0);
    });
    await isStill(() => written);
    expect(written).toBeLessThan(HELD_AT_MOST);
    // Everything arrives once the client reads.
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    await once(socket, 'close');
    expect(received).toBeGreaterThan(size);
    expect(received).toBeLessThan(size + 2_000);
  });

  it('applies to the task if the service does not read', async () => {
    let source: IncomingMessage | undefined;
    await using service = await httpService((request, response) => {
      source = request.pause();
      request.on('end', () => response.end('all'));
    });
    await using proxy = await proxyTo(service.rootUrl);
    const size = 200 * MIB;
    const outgoing = http.request({
      port: proxy.port,
      host: '127.0.0.1',
      method: 'PUT',
      path: '/api/queue/v1/x',
      headers: { 'content-length': size },
      agent: false,
    });
    let written = 0;
    const write = () => {
      while (written < size) {
        written += BLOCK.length;
        if (!outgoing.write(BLOCK)) return void outgoing.once('drain', write);
      }
      outgoing.end();
    };
    write();
    await waitFor(() => {
      expect(source).toBeDefined();
    });
    await isStill(() => written);
    expect(written).toBeLessThan(HELD_AT_MOST);
    let received = 0;
    source?.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(await textOf(answer)).toBe('all');
    expect(received).toBe(size);
  });
});

describe.concurrent('the proxy', { timeout: TEST_MS }, () => {
  it('aborts a call when the task closes its connection', async () => {
    let service: IncomingMessage | undefined;
    let closed = false;
    await using server = await httpService((request, response) => {
      service = request;
      response.on('close', () => (closed = true));
      response.write('the beginning');
    });
    await using proxy = await proxyTo(server.rootUrl);
    await exchange(
      proxy.port,
      `GET /api/queue/v1/x HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`,
      text => text.includes('beginning'),
    );
    await waitFor(() => {
      expect(closed).toBe(true);
    });
    expect(service?.destroyed).toBe(true);
  });

  it('aborts a call when the task leaves before the answer, or while it sends the body', async () => {
    let open = 0;
    await using server = await httpService((request, response) => {
      open++;
      request.on('error', () => undefined).resume();
      response.on('close', () => open--);
    });
    await using proxy = await proxyTo(server.rootUrl);
    for (const rest of ['GET /api/queue/v1/x', 'PUT /api/queue/v1/x']) {
      const socket = net.connect(proxy.port, '127.0.0.1');
      const length = rest.startsWith('PUT') ? 'Content-Length: 1000000\r\n' : '';
      socket.write(
        `${rest} HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n${length}\r\nsome`.slice(
          0,
          length ? undefined : -4,
        ),
      );
      await waitFor(() => {
        expect(open).toBe(1);
      });
      socket.destroy();
      await waitFor(() => {
        expect(open).toBe(0);
      });
    }
  });

  it('closes both sides of a call when the run ends', async () => {
    let closed = false;
    await using server = await httpService((_, response) => {
      response.on('close', () => (closed = true));
      response.write('the beginning');
    });
    await using proxy = await proxyTo(server.rootUrl);
    const socket = net.connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET /api/queue/v1/x HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`);
    await once(socket, 'data');
    const gone = once(socket, 'close');
    proxy.stop();
    await gone;
    await waitFor(() => {
      expect(closed).toBe(true);
    });
  });

  it.for([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n'],
  ] as const)('does not complete an answer %s that breaks off', async ([, bytes]) => {
    await using service = await rawService(socket => void socket.end(bytes));
    await using proxy = await proxyTo(service.rootUrl);
    const outgoing = http.get({ port: proxy.port, host: '127.0.0.1', path: '/api/queue/v1/x', agent: false });
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    await expect(textOf(answer)).rejects.toThrow('aborted');
    expect(service.received).toHaveLength(1);
  });

  it('passes on an answer that starts before the body has ended', async () => {
    await using service = await httpService((_, response) => {
      response.writeHead(413).end('too much');
    });
    await using proxy = await proxyTo(service.rootUrl);
    const answer = await call(proxy.url, '/api/queue/v1/x', { method: 'PUT', body: Buffer.alloc(20 * MIB) });
    expect(answer).toMatchObject({ status: 413, text: 'too much' });
  });

  it('can send an answer and a body at the same time', async () => {
    await using service = await httpService((request, response) => request.pipe(response));
    await using proxy = await proxyTo(service.rootUrl);
    const outgoing = http.request({
      port: proxy.port,
      host: '127.0.0.1',
      path: '/api/queue/v1/x',
      method: 'POST',
    });
    outgoing.write('one');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const next = async () => String((await once(answer, 'data'))[0]);
    expect(await next()).toBe('one');
    outgoing.write('two');
    expect(await next()).toBe('two');
    outgoing.end();
    await once(answer, 'end');
  });

  it('makes only a few of 100,000 pipelined requests', async () => {
    let made = 0;
    await using service = await httpService(() => made++);
    await using proxy = await proxyTo(service.rootUrl);
    const one = `GET /api/queue/v1/x HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`;
    expect(await exchange(proxy.port, one.repeat(100_000))).toBe('');
    expect(made).toBeLessThanOrEqual(32);
    // Other requests are still served.
    const answer = call(proxy.url, '/nowhere');
    expect(await answer).toMatchObject({ status: 404 });
  });
});
