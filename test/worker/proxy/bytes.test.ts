import { describe, expect, it } from 'vitest';
import { TEST_MS } from '../../patience.ts';
import { waitFor } from '../../wait-for.ts';
import { exchange, proxyTo, rawService } from './run-proxy.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

const answersOk = (socket: { write(text: string): void }, received: string) => {
  if (received.endsWith('\r\n\r\n')) socket.write(OK);
};

const head = (port: number, target: string, ...lines: string[]) =>
  [`GET ${target} HTTP/1.1`, `Host: localhost:${port}`, ...lines, '', ''].join('\r\n');

const ENDS = (text: string) => text.includes('\r\n\r\nok') || text.includes('\r\n\r\n{');

describe.concurrent('the proxy on the wire', { timeout: TEST_MS }, () => {
  it.for([
    '/api/queue/v1/task/a%2Fb/artifacts/public%2f%2E%2e/x',
    '/api/queue/v1/task//runs///0',
    '/api/queue/v1/../../x/./y/',
    '/api/queue/v1/a\'(b)!*~|^`{}\\[]<>"',
    '/api/queue/v1/x?',
    '/api/queue/v1/x?a=%zz&b=%&&=&c=+%20?#d',
  ])('sends the path %s unchanged', async target => {
    await using service = await rawService(answersOk);
    await using proxy = await proxyTo(service.rootUrl);
    expect(await exchange(proxy.port, head(proxy.port, target), ENDS)).toContain('200 OK');
    expect(service.received[0]?.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`);
  });

  it('sends headers unchanged and in order, except those of the connection and the caller', async () => {
    await using service = await rawService(answersOk);
    await using proxy = await proxyTo(service.rootUrl);
    const lines = [
      'X-One: 1',
      'x-oNe: 2',
      'Accept-Encoding: gzip, br',
      'Cookie: a=b; c="d"',
      'X-Latin: \xe9\xff',
      'User-Agent: a task',
      'Connection: keep-alive, X-Mine',
      'X-Mine: for this connection',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Proxy-Authorization: Basic secret',
      'Proxy-Connection: keep-alive',
      'Upgrade: websocket',
      'Authorization: Bearer mine',
    ];
    await exchange(proxy.port, head(proxy.port, '/api/queue/v1/ping', ...lines), ENDS);
    const [, ...sent] = (service.received[0] ?? '').split('\r\n');
    const authorization = sent.find(line => line.startsWith('Authorization: '));
    expect(authorization).toMatch(/^Authorization: Hawk id="task\/of\/test", ts="\d+", nonce="[^"]+", ext="/);
    expect(sent.filter(line => line !== authorization)).toEqual([
      `host: 127.0.0.1:${service.port}`,
      'connection: keep-alive',
      'X-One: 1',
      'x-oNe: 2',
      'Accept-Encoding: gzip, br',
      'Cookie: a=b; c="d"',
      'X-Latin: \xe9\xff',
      'User-Agent: a task',
      '',
      '',
    ]);
  });

  it('returns headers unchanged, except those of the connection and those that would allow web pages', async () => {
    const answer = [
      'HTTP/1.1 299 Quite so',
      'X-One: 1',
      'x-oNe: 2',
      'Set-Cookie: a=b',
      'Set-Cookie: c=d',
      'Date: yesterday',
      'Content-Encoding: gzip',
      'Access-Control-Allow-Origin: *',
      'access-control-expose-headers: *',
      'Connection: keep-alive, x-mine',
      'X-Mine: for this connection',
      'Proxy-Authenticate: Basic',
      'Content-Length: 2',
      '',
      'ok',
    ].join('\r\n');
    await using service = await rawService(socket => void socket.write(answer, 'latin1'));
    await using proxy = await proxyTo(service.rootUrl);
    const text = await exchange(
      proxy.port,
      head(proxy.port, '/api/queue/v1/ping', 'Connection: close'),
      ENDS,
    );
    expect(text.split('\r\n')).toEqual([
      'HTTP/1.1 299 Quite so',
      'X-One: 1',
      'x-oNe: 2',
      'Set-Cookie: a=b',
      'Set-Cookie: c=d',
      'Date: yesterday',
      'Content-Encoding: gzip',
      'Content-Length: 2',
      'X-Taskcluster-Proxy-Version: test',
      'X-Taskcluster-Proxy-Temp-ClientId: task/of/test',
      'X-Taskcluster-Authorized-Scopes: ["project:a","project:b"]',
      `X-Taskcluster-Endpoint: ${service.rootUrl}/api/queue/v1/ping`,
      'Connection: close',
      '',
      'ok',
    ]);
  });

  it('keeps the framing of a body: a length, chunks, or none', async () => {
    const isWhole = (text: string) => /\r\n\r\n(hello|5\r\nhello\r\n0\r\n\r\n)?$/.test(text);
    await using service = await rawService((socket, received) => {
      if (isWhole(received) && !received.endsWith('chunked\r\n\r\n')) socket.write(OK);
    });
    await using proxy = await proxyTo(service.rootUrl);
    const post = (...rest: string[]) =>
      exchange(
        proxy.port,
        ['POST /api/queue/v1/x HTTP/1.1', `Host: localhost:${proxy.port}`, 'Connection: close', ...rest].join(
          '\r\n',
        ),
        ENDS,
      );
    await post('Content-Length: 5', '', 'hello');
    await post('Transfer-Encoding: chunked', 'Trailer: x-last', '', '5', 'hello', '0', 'x-last: 1', '', '');
    await post('', '');
    const bodies = service.received.map(text => text.toLowerCase().split('\r\n'));
    const all = bodies.flat().join('\n');
    expect(all).toContain('content-length: 5\n\nhello');
    expect(all).toContain('transfer-encoding: chunked\n\n5\nhello\n0\n');
    expect(all).toContain('content-length: 0\n\n');
    expect(all).not.toContain('x-last');
    expect(all).not.toContain('content-type');
  });

  it('passes on no ambiguous request', async () => {
    await using service = await rawService(answersOk);
    await using proxy = await proxyTo(service.rootUrl);
    const lines = [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Content-Length: 5', 'Content-Length: 6'],
      ['Transfer-Encoding: chunked, identity'],
      ['X: a\rb'],
      ['Content-Length: +5'],
      ['A name: with a space'],
    ];
    for (const given of lines) {
      const text = await exchange(
        proxy.port,
        ['POST /api/queue/v1/x HTTP/1.1', `Host: localhost:${proxy.port}`, ...given, '', 'hello'].join(
          '\r\n',
        ),
      );
      expect(text).toMatch(/^HTTP\/1\.1 400 [^]*"code":"BadRequest"/);
    }
    expect(service.received).toEqual([]);
  });

  it('refuses a path that is not ASCII', async () => {
    await using service = await rawService(answersOk);
    await using proxy = await proxyTo(service.rootUrl);
    expect(await exchange(proxy.port, head(proxy.port, '/api/queue/v1/x\xe9\xff'))).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(service.received).toEqual([]);
  });

  it('omits a reason phrase that is not valid in a status line', async () => {
    await using service = await rawService(socket => {
      socket.write('HTTP/1.1 200 \u2713 fine\r\ncontent-length: 2\r\n\r\nok');
    });
    await using proxy = await proxyTo(service.rootUrl);
    expect(await exchange(proxy.port, head(proxy.port, '/api/queue/v1/x'), ENDS)).toMatch(
      /^HTTP\/1\.1 200 ?\r\n/,
    );
  });

  it('does not drop Content-Length if Connection lists it', async () => {
    await using service = await rawService((socket, received) => {
      if (received.endsWith('hello')) socket.write(OK);
    });
    await using proxy = await proxyTo(service.rootUrl);
    const lines = [
      'Connection: content-length, authorization, host, close',
      'Content-Length: 5',
      '',
      'hello',
    ];
    await exchange(
      proxy.port,
      ['PUT /api/queue/v1/x HTTP/1.1', `Host: localhost:${proxy.port}`, ...lines].join('\r\n'),
      ENDS,
    );
    expect(service.received[0]).toMatch(/content-length: 5\r\n\r\nhello$/i);
    expect(service.received[0]).toContain('Authorization: Hawk');
  });

  it('sends 100 Continue when a body is wanted, and never when the request is refused', async () => {
    await using service = await rawService((socket, received) => {
      if (received.endsWith('hello')) socket.write(OK);
    });
    await using proxy = await proxyTo(service.rootUrl);
    const lines = (path: string) =>
      [
        `PUT ${path} HTTP/1.1`,
        `Host: localhost:${proxy.port}`,
        'Expect: 100-continue',
        'Content-Length: 5',
        '',
        '',
      ].join('\r\n');
    expect(await exchange(proxy.port, lines('/nothing'))).toMatch(/^HTTP\/1\.1 404 /);
    expect(await exchange(proxy.port, lines('/api/queue/v1/x'), text => text.includes('100'))).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    );
    const { connect } = await import('node:net');
    const socket = connect(proxy.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('hello');
    });
    socket.write(lines('/api/queue/v1/x'));
    await waitFor(() => {
      expect(text).toMatch(/100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    });
    socket.destroy();
    expect(service.received.join()).not.toMatch(/expect/i);
  });

  it('answers HTTP/1.0 clients with HTTP/1.0', async () => {
    await using service = await rawService((socket, received) => {
      if (received.endsWith('\r\n\r\n')) {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
      }
    });
    await using proxy = await proxyTo(service.rootUrl);
    const text = await exchange(
      proxy.port,
      `GET /api/queue/v1/x HTTP/1.0\r\nHost: localhost:${proxy.port}\r\n\r\n`,
    );
    expect(text).toMatch(/\r\n\r\nok$/);
    expect(text).not.toMatch(/chunked/i);
  });

  it('sends no body for HEAD, 204 and 304', async () => {
    await using service = await rawService((socket, received) => {
      if (!received.endsWith('\r\n\r\n')) return;
      if (received.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n');
      else if (received.lastIndexOf('/204 ') > received.lastIndexOf('/304 '))
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      else socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 7\r\n\r\n');
    });
    await using proxy = await proxyTo(service.rootUrl);
    const ask = (method: string, path: string) =>
      exchange(
        proxy.port,
        `${method} ${path} HTTP/1.1\r\nHost: localhost:${proxy.port}\r\nConnection: close\r\n\r\n`,
      );
    expect(await ask('HEAD', '/api/queue/v1/x')).toMatch(/Content-Length: 12345\r\n[^]*\r\n\r\n$/);
    expect(await ask('GET', '/api/queue/v1/204')).toMatch(/^HTTP\/1\.1 204 [^]*\r\n\r\n$/);
    const unchanged = await ask('GET', '/api/queue/v1/304');
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 [^]*ETag: "x"[^]*\r\n\r\n$/);
  });
});
