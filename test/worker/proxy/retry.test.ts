import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TEST_MS } from '../../patience.ts';
import { call, httpService, proxyTo, rawService } from './run-proxy.ts';

const PATH = '/api/queue/v1/x';
const LARGE = Buffer.alloc(200_000, 'x');

describe.concurrent('a failing service', { timeout: TEST_MS }, () => {
  it.for(['GET', 'HEAD', 'PUT', 'DELETE'])('is called again: %s', async method => {
    const bodies: string[] = [];
    await using service = await httpService(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      bodies.push(body);
      response.writeHead([503, 502, 500, 504, 200][bodies.length - 1] ?? 200).end('fine');
    });
    await using proxy = await proxyTo(service.rootUrl);
    const body = method === 'PUT' ? { body: 'the body', headers: { 'content-length': 8 } } : {};
    const { status } = await call(proxy.url, PATH, { method, ...body });
    expect(status).toBe(200);
    expect(bodies).toEqual(Array(5).fill(method === 'PUT' ? 'the body' : ''));
  });

  it.for([
    ['POST', 'small'],
    ['PATCH', 'small'],
    ['PUT', LARGE],
  ] as const)(
    'is not called again for a request that is not idempotent or whose body is gone: %s',
    async ([method, body]) => {
      let asked = 0;
      await using service = await httpService((request, response) => {
        asked++;
        request.resume().on('end', () => response.writeHead(503).end('no'));
      });
      await using proxy = await proxyTo(service.rootUrl);
      const headers = { 'content-length': body.length };
      expect(await call(proxy.url, PATH, { method, body, headers })).toMatchObject({
        status: 503,
        text: 'no',
      });
      expect(asked).toBe(1);
    },
  );

  it.for([
    ['GET', 2],
    ['POST', 1],
  ] as const)('may close the connection without an answer: %s is sent %i times', async ([method, times]) => {
    await using service = await rawService((socket, received) => {
      if (!received.endsWith('\r\n\r\n')) return;
      if (service.received.length === 1) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    await using proxy = await proxyTo(service.rootUrl);
    const { status, text } = await call(proxy.url, PATH, { method });
    expect(service.received).toHaveLength(times);
    expect(status).toBe(method === 'GET' ? 200 : 502);
    if (method === 'POST') expect(JSON.parse(text)).toMatchObject({ code: 'NoAnswer' });
  });

  it.for(['small', LARGE])('that is unreachable is called again for any method', async body => {
    const before = await httpService(() => undefined);
    const { port, rootUrl } = before;
    await before[Symbol.asyncDispose]();
    await using proxy = await proxyTo(rootUrl);
    const answer = call(proxy.url, PATH, {
      method: 'POST',
      body,
      headers: { 'content-length': body.length },
    });
    await pause(300);
    let length = 0;
    const service = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => (length += chunk.length)).on('end', () => response.end('late'));
    });
    service.listen(port, '127.0.0.1');
    expect(await answer).toMatchObject({ status: 200, text: 'late' });
    expect(length).toBe(body.length);
    service.closeAllConnections();
    service.close();
  });

  it('has its last error returned if it does not recover', async () => {
    let asked = 0;
    await using service = await httpService((_, response) => {
      asked++;
      response.writeHead(500, { 'x-count': String(asked) }).end('still broken');
    });
    await using proxy = await proxyTo(service.rootUrl, { tryForMs: 1_000 });
    const answer = await call(proxy.url, PATH);
    expect(answer).toMatchObject({
      status: 500,
      text: 'still broken',
      headers: { 'x-count': String(asked) },
    });
    expect(asked).toBeGreaterThan(1);
  });

  it('that stays unreachable is reported', async () => {
    await using proxy = await proxyTo('http://127.0.0.1:1', { tryForMs: 500 });
    const { status, text } = await call(proxy.url, PATH);
    expect(status).toBe(502);
    expect(JSON.parse(text)).toEqual({
      code: 'NoAnswer',
      message: expect.stringMatching(/^the service gave no answer: .*ECONNREFUSED/),
    });
  });

  it('is not called again after the task has closed its connection', async () => {
    let asked = 0;
    await using service = await httpService((_, response) => {
      asked++;
      response.writeHead(503).end();
    });
    await using proxy = await proxyTo(service.rootUrl);
    const gone = new AbortController();
    const answer = fetch(`${proxy.url}${PATH}`, { signal: gone.signal });
    await expect.poll(() => asked).toBeGreaterThan(0);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await pause(200);
    const before = asked;
    await pause(1_500);
    expect(asked).toBe(before);
  });

  it.for([
    '400 Bad Request',
    '401 Unauthorized',
    '404 Not Found',
    '409 Conflict',
    '429 Too Many Requests',
    '501 Not Implemented',
  ])('is not called again after %s', async status => {
    await using service = await rawService(
      socket => void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`),
    );
    await using proxy = await proxyTo(service.rootUrl);
    expect((await call(proxy.url, PATH)).status).toBe(Number(status.slice(0, 3)));
    expect(service.received).toHaveLength(1);
  });

  it('may redirect the task, but not the proxy', async () => {
    let asked = 0;
    await using elsewhere = await httpService(() => asked++);
    const location = `${elsewhere.rootUrl}/a%2Fb?X-Amz-Signature=x%20y`;
    await using service = await httpService((_, response) => response.writeHead(303, { location }).end());
    await using proxy = await proxyTo(service.rootUrl);
    expect(await call(proxy.url, PATH)).toMatchObject({ status: 303, headers: { location } });
    expect(asked).toBe(0);
  });

  it('cannot change the protocol, or send an invalid answer', async () => {
    for (const nonsense of [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'nonsense\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    ]) {
      await using service = await rawService(socket => void socket.write(nonsense));
      await using proxy = await proxyTo(service.rootUrl, { tryForMs: 300 });
      expect({ nonsense, status: (await call(proxy.url, PATH)).status }).toEqual({ nonsense, status: 502 });
    }
  });
});
