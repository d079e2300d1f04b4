import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import type { Connection } from '../../../src/worker/index.ts';
import { startProxy } from '../../../src/worker/features/proxy/proxy.ts';
import { TEST_MS } from '../../patience.ts';
import { ANYBODY, call, exchange, httpService, proxyTo } from './run-proxy.ts';

const PING = '/api/queue/v1/ping';

/** A service that counts its requests, behind a proxy that nobody may use yet. */
async function closedProxy(names = ['localhost']) {
  const service = await httpService((_, response) => {
    count++;
    response.end('pong');
  });
  let count = 0;
  const proxy = await startProxy({
    rootUrl: service.rootUrl,
    address: '127.0.0.1',
    names,
    port: 0,
    version: 'test',
    ...ANYBODY,
  });
  return {
    proxy,
    url: `http://127.0.0.1:${proxy.port}`,
    served: () => count,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

describe.concurrent('a proxy', { timeout: TEST_MS }, () => {
  it('serves nobody before the task starts or after it has ended', async () => {
    await using here = await closedProxy();
    const { proxy, url } = here;
    expect(await call(url, PING)).toMatchObject({
      status: 503,
      text: expect.stringContaining('has not started'),
    });
    proxy.serve({ by: 'connection', isPeer: async () => true });
    expect(await call(url, PING)).toMatchObject({ status: 200, text: 'pong' });
    proxy.stop();
    expect(await call(url, PING)).toMatchObject({ status: 503, text: expect.stringContaining('has ended') });
    // The proxy stays closed.
    proxy.serve({ by: 'connection', isPeer: async () => true });
    expect(await call(url, PING)).toMatchObject({ status: 503 });
    await proxy[Symbol.asyncDispose]();
    await expect(once(net.connect(proxy.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
    expect(here.served()).toBe(1);
  });

  it('serves processes of the run, checked once per connection', async () => {
    await using here = await closedProxy();
    const asked: Connection[] = [];
    here.proxy.serve({
      by: 'connection',
      isPeer: async ends => {
        asked.push(ends);
        return asked.length === 1;
      },
    });
    const socket = net.connect(here.proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    const mine = socket.localPort;
    const ask = async () => {
      socket.write(`GET ${PING} HTTP/1.1\r\nHost: localhost:${here.proxy.port}\r\n\r\n`);
      return String((await once(socket, 'data'))[0]);
    };
    expect(await ask()).toContain('200 OK');
    expect(await ask()).toContain('200 OK');
    socket.destroy();
    expect(await call(here.url, PING)).toMatchObject({ status: 403 });
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({
      remoteAddress: '127.0.0.1',
      remotePort: mine,
      localAddress: '127.0.0.1',
      localPort: here.proxy.port,
    });
    expect(here.served()).toBe(2);
  });

  it('serves nobody if the owner of a connection cannot be determined', async () => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: () => Promise.reject(new Error('/proc is not there')) });
    const { status, text } = await call(here.url, PING);
    expect(status).toBe(403);
    expect(text).toContain('the owner of this connection cannot be determined: /proc is not there');
    expect(here.served()).toBe(0);
  });

  it('closes the connection of a foreign process', async () => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: async () => false });
    const socket = net.connect(here.proxy.port, '127.0.0.1');
    await once(socket, 'close');
  });

  it('refuses a request if the task ends during the check of its connection', async () => {
    await using here = await closedProxy();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    here.proxy.serve({ by: 'connection', isPeer: () => promise });
    const answer = exchange(
      here.proxy.port,
      `GET ${PING} HTTP/1.1\r\nHost: localhost:${here.proxy.port}\r\n\r\n`,
    );
    await new Promise(setImmediate);
    here.proxy.stop();
    resolve(true);
    expect(await answer).not.toContain('200 OK');
    expect(here.served()).toBe(0);
  });

  it('serves callers with the secret if connections cannot be checked', async () => {
    await using here = await closedProxy();
    const secret = 'Zm9vYmFyYmF6cXV4MTIzNA';
    here.proxy.serve({ by: 'secret', secret: new Secret(secret) });
    expect(await call(here.url, `/${secret}${PING}?a=%2F`)).toMatchObject({ status: 200 });
    const wrong = [
      PING,
      `/${secret.slice(0, -1)}${PING}`,
      `/${secret.slice(0, -1)}x${PING}`,
      `/${secret}x${PING}`,
      `//${secret}${PING}`,
      `/${secret.toLowerCase()}${PING}`,
      `/${encodeURIComponent(`${secret}/`)}${PING}`,
      `/${secret}`,
      `/${'\u{e9}'.repeat(3)}`.normalize('NFD').replace(/[^ -~]/g, '%'),
      '/',
    ];
    for (const path of wrong) {
      const { status, text } = await call(here.url, path);
      expect({ path, status }).toEqual({ path, status: 403 });
      expect(text).not.toContain(secret);
    }
    expect(here.served()).toBe(1);
  });

  it('does not reveal the secret to services', async () => {
    const seen: string[] = [];
    await using service = await httpService((request, response) => {
      seen.push(request.url ?? '', ...request.rawHeaders);
      response.end();
    });
    await using proxy = await proxyTo(service.rootUrl);
    proxy.serve({ by: 'secret', secret: new Secret('a-secret') });
    const { rawHeaders } = await call(proxy.url, `/a-secret${PING}`);
    expect(seen[0]).toBe(PING);
    expect([...seen, ...rawHeaders].join('\n')).not.toContain('a-secret');
  });

  it.for(['localhost', 'LOCALHOST:1', '127.0.0.1', 'taskcluster'])('can be called as %s', async host => {
    await using here = await closedProxy(['localhost', 'taskcluster']);
    here.proxy.serve({ by: 'connection', isPeer: async () => true });
    expect(await call(here.url, PING, { headers: { host } })).toMatchObject({ status: 200 });
  });

  it.for([
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '',
    '127.0.0.1.nip.io',
    '[::1]',
    'localhost:x',
  ])('refuses a web page that calls it %s (DNS rebinding)', async host => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: async () => true });
    const text = await exchange(
      here.proxy.port,
      `GET ${PING} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 421 /);
    expect(here.served()).toBe(0);
  });

  it.for([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'same-origin' },
  ])('refuses requests of web pages: %o', async headers => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: async () => true });
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const answer = await call(here.url, PING, { method, headers });
      expect(answer.status).toBe(403);
      expect(Object.keys(answer.headers).join()).not.toContain('access-control');
    }
    expect(here.served()).toBe(0);
  });

  it('refuses TRACE, CONNECT and new credentials', async () => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: async () => true });
    expect(await call(here.url, PING, { method: 'TRACE' })).toMatchObject({ status: 405 });
    expect(await call(here.url, '/credentials', { method: 'PUT', body: '{}' })).toMatchObject({
      status: 404,
    });
    const tunnel = `CONNECT example.com:443 HTTP/1.1\r\nHost: localhost:${here.proxy.port}\r\n\r\n`;
    expect(await exchange(here.proxy.port, tunnel)).not.toContain('200');
    expect(here.served()).toBe(0);
  });

  it('reports its health, and which paths exist', async () => {
    await using here = await closedProxy();
    here.proxy.serve({ by: 'connection', isPeer: async () => true });
    expect(await call(here.url, '/health')).toMatchObject({ status: 200, text: '{"version":"test"}' });
    const { status, text } = await call(here.url, '/somewhere');
    expect(status).toBe(404);
    expect(JSON.parse(text)).toEqual({
      code: 'UnknownPath',
      message: 'the Taskcluster proxy knows /api/<service>/v1/<path>, /<service>/v1/<path> and /bewit',
    });
  });
});

describe.concurrent('a port', { timeout: TEST_MS }, () => {
  it('is the requested one, or any other if that is in use', async () => {
    await using service = await httpService((_, response) => response.end());
    await using first = await proxyTo(service.rootUrl);
    await using second = await proxyTo(service.rootUrl, { port: first.port });
    expect(second.port).not.toBe(first.port);
    expect(second.refused).toContain('EADDRINUSE');
    expect(first.refused).toBeUndefined();
    await first[Symbol.asyncDispose]();
    await using third = await proxyTo(service.rootUrl, { port: first.port });
    expect(third).toMatchObject({ port: first.port, refused: undefined });
  });

  it('on an address of another machine is an error', async () => {
    await expect(proxyTo('http://127.0.0.1:1', { address: '192.0.2.1' })).rejects.toThrow('EADDRNOTAVAIL');
  });
});
