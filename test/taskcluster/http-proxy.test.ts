import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { fetchContent } from '../../src/cli/artifacts/fetch-content.ts';
import { queueCalls } from '../../src/taskcluster/index.ts';
import { proxyFor, proxyPasswords } from '../../src/taskcluster/http-proxy/proxy-for.ts';
import { connectTunnel } from '../../src/worker/exposure/tunnel/connect.ts';
import { unchangedUpload, putFile } from '../../src/worker/files/put.ts';
import { httpGet } from '../../src/worker/stores/downloads/http-get.ts';
import { startHttpProxy, type HttpProxy } from '../harness/http-proxy.ts';
import { listening } from '../harness/listening.ts';
import { startTestTunnel } from '../harness/websocktunnel/server.ts';
import { TEST_MS } from '../patience.ts';
import { call, proxyTo } from '../worker/proxy/run-proxy.ts';

// No resolver knows this name, so whatever arrives came through the proxy.
const HOST = 'inside.test';
const PASSWORD = 'p@ss/word of the proxy';
const signal = new AbortController().signal;

let proxy: HttpProxy;
let certificate: { key: Buffer; cert: Buffer };
let certificateOfProxy: typeof certificate;
const trusted = tls.getCACertificates('default');

beforeAll(async () => {
  proxy = await startHttpProxy('corp', PASSWORD);
  certificate = selfSigned(`DNS:${HOST}`);
  certificateOfProxy = selfSigned('DNS:localhost,IP:127.0.0.1');
  const own = [certificate, certificateOfProxy].map(({ cert }) => cert.toString());
  tls.setDefaultCACertificates([...trusted, ...own]);
  vi.stubEnv('HTTP_PROXY', proxy.url);
  vi.stubEnv('HTTPS_PROXY', proxy.url);
});

afterEach(() => void proxy.seen.splice(0));

afterAll(async () => {
  vi.unstubAllEnvs();
  tls.setDefaultCACertificates(trusted);
  await proxy[Symbol.asyncDispose]();
});

function selfSigned(names: string) {
  const folder = mkdtempSync(join(tmpdir(), 'tcw-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=tcw', '-addext', `subjectAltName=${names}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

const portOf = (address: string): string => address.split(':')[1] ?? '';

/** A service that only the proxy can reach. */
async function service(scheme: 'http' | 'https', answer: RequestListener) {
  const server = scheme === 'http' ? http.createServer(answer) : https.createServer(certificate, answer);
  const port = portOf(await listening(server));
  return { port, host: `${HOST}:${port}`, url: `${scheme}://${HOST}:${port}` };
}

describe.each(['http', 'https'] as const)(
  'with proxies for all hosts, an %s service',
  { timeout: TEST_MS },
  scheme => {
    it('of Taskcluster is called through CONNECT, over one connection', async () => {
      const { host, url } = await service(scheme, (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"pendingTasks":7}');
      });
      const ask = queueCalls({ rootUrl: url });
      for (let times = 0; times < 2; times++)
        expect(await ask(undefined, 'pendingTasks', 'a/b')).toMatchObject({ pendingTasks: 7 });
      expect(proxy.seen).toEqual([`CONNECT ${host}`]);
    });

    it('is called for downloads and their redirects', async () => {
      const { host, url } = await service(scheme, ({ url: path }, response) => {
        if (path === '/there') response.end('content');
        else response.writeHead(302, { location: '/there' }).end();
      });
      const { statusCode, body } = await httpGet(`${url}/here`, {}, signal);
      expect([statusCode, await text(body)]).toEqual([200, 'content']);
      const response = await fetchContent(`${url}/here`);
      expect(await response.text()).toBe('content');
      const seen = scheme === 'https' ? [`CONNECT ${host}`] : [`GET ${url}/here`, `GET ${url}/there`];
      expect(new Set(proxy.seen)).toEqual(new Set(seen));
    });

    it('takes an upload, which does not reveal the password of the proxy to it', async () => {
      const puts: { body: Buffer; request: IncomingMessage }[] = [];
      const { host, url } = await service(scheme, (request, response) => {
        void buffer(request).then(body => {
          puts.push({ body, request });
          response.end();
        });
      });
      const content = Buffer.alloc(1_000_000, 'x');
      await putFile({ url: `${url}/a?b`, headers: {} }, await unchangedUpload(content), { signal });
      expect(puts[0]?.body.equals(content)).toBe(true);
      expect(puts[0]?.request.headers).not.toHaveProperty('proxy-authorization');
      expect(proxy.seen).toEqual([scheme === 'https' ? `CONNECT ${host}` : `PUT ${url}/a?b`]);
    });

    it("is called for a task's own requests, unchanged", async () => {
      const seen: string[][] = [];
      const { host, url } = await service(scheme, (request, response) => {
        seen.push(request.rawHeaders);
        response.end('answer');
      });
      await using ofTask = await proxyTo(url);
      const answer = await call(ofTask.url, '/api/queue/v1/ping', { headers: { 'X-Twice': ['1', '2'] } });
      expect(answer.text).toBe('answer');
      expect(seen[0]?.join(' ')).toMatch(new RegExp(`^host ${host} .*X-Twice 1 X-Twice 2 `));
      expect(proxy.seen).toEqual([`CONNECT ${host}`]);
    });
  },
);

it('a websocktunnel is reached through the proxy', { timeout: TEST_MS }, async () => {
  await using tunnel = await startTestTunnel();
  const { socket, clientUrl } = await connectTunnel(
    `http://${HOST}:${tunnel.port}`,
    'worker.1',
    tunnel.token('worker.1'),
    signal,
  );
  socket.terminate();
  expect(clientUrl).toContain('worker.1');
  expect(proxy.seen).toEqual([`CONNECT ${HOST}:${tunnel.port}`]);
});

it('services of this machine are called directly', { timeout: TEST_MS }, async () => {
  const { port } = await service('http', (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"pendingTasks":7}');
  });
  for (const host of ['localhost', '127.0.0.1']) {
    const rootUrl = `http://${host}:${port}`;
    expect(await queueCalls({ rootUrl })(undefined, 'pendingTasks', 'a/b')).toMatchObject({
      pendingTasks: 7,
    });
    expect((await httpGet(rootUrl, {}, signal)).statusCode).toBe(200);
  }
  expect(proxy.seen).toEqual([]);
});

describe('a proxy that refuses', { timeout: TEST_MS }, () => {
  it('is named in the error, and its password is not', async () => {
    const refusing = proxy.url.replace(/corp:[^@]*/, 'corp:another-password');
    vi.stubEnv('HTTPS_PROXY', refusing);
    onTestFinished(() => void vi.stubEnv('HTTPS_PROXY', proxy.url));
    const rootUrl = 'https://refused.test';
    const asked = queueCalls({ rootUrl })(undefined, 'pendingTasks', 'a/b');
    await expect(asked).rejects.toThrow(
      /the proxy http:\/\/127\.0\.0\.1:\d+: it answered CONNECT with status 407$/,
    );
    await expect(httpGet(rootUrl, {}, signal)).rejects.toThrow(/407/);
    await using ofTask = await proxyTo(rootUrl, { tryForMs: 0 });
    expect((await call(ofTask.url, '/api/queue/v1/ping')).status).toBe(502);
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT refused.test:443']));
  });
});

it.each(['localhost', '127.0.0.1'])(
  'a proxy may have TLS itself, as %s',
  { timeout: TEST_MS },
  async host => {
    await using secure = await startHttpProxy('corp', PASSWORD, certificateOfProxy);
    const url = secure.url.replace('127.0.0.1', host);
    vi.stubEnv('HTTP_PROXY', url);
    vi.stubEnv('HTTPS_PROXY', url);
    onTestFinished(() => {
      vi.stubEnv('HTTP_PROXY', proxy.url);
      vi.stubEnv('HTTPS_PROXY', proxy.url);
    });
    for (const scheme of ['http', 'https'] as const) {
      const served = await service(scheme, (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"pendingTasks":7}');
      });
      expect(await queueCalls({ rootUrl: served.url })(undefined, 'pendingTasks', 'a/b')).toMatchObject({
        pendingTasks: 7,
      });
      expect(await text((await httpGet(served.url, {}, signal)).body)).toBe('{"pendingTasks":7}');
    }
    expect(secure.seen).toHaveLength(4);
    expect(proxy.seen).toEqual([]);
  },
);

it('an error of the service is not blamed on the proxy', { timeout: TEST_MS }, async () => {
  const { url } = await service('https', (_, response) => response.end());
  const rootUrl = url.replace(HOST, 'other.test');
  await expect(queueCalls({ rootUrl })(undefined, 'pendingTasks', 'a/b')).rejects.toThrow(
    /other\.test:\d+ through the proxy http:\/\/127\.0\.0\.1:\d+: .*certificate/,
  );
});

it('a websocktunnel that never answers is given up', { timeout: TEST_MS }, async () => {
  const sockets = new Set<Duplex>();
  const silent = http.createServer().on('upgrade', (_, socket: Duplex) => void sockets.add(socket));
  const port = portOf(await listening(silent));
  // The server does not close connections that it has handed over.
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const connected = connectTunnel(`http://${HOST}:${port}`, 'worker.1', 'token', signal, 1_000);
  await expect(connected).rejects.toThrow(/handshake has timed out/);
});

it('the password of a proxy is known in every form', () => {
  const of = (HTTPS_PROXY: string) => proxyPasswords({ HTTPS_PROXY }).map(secret => secret.reveal());
  expect(of('http://u:p%40ss=1@proxy:3128')).toEqual(
    expect.arrayContaining(['p%40ss=1', 'p@ss=1', Buffer.from('u:p@ss=1').toString('base64')]),
  );
  expect(of('http://TOKEN@proxy')).toEqual(
    expect.arrayContaining(['TOKEN', Buffer.from('TOKEN:').toString('base64')]),
  );
  expect(of('http://proxy')).toEqual([]);
});

describe('the proxy for a URL', () => {
  const of = (url: string, environment: Record<string, string>) =>
    proxyFor(new URL(url), environment)?.origin;

  it.each([
    ['http://a.test', { HTTP_PROXY: 'http://one:8080' }, 'http://one:8080'],
    ['https://a.test', { HTTP_PROXY: 'http://one:8080' }, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://one:8080' }, 'http://one:8080'],
    ['wss://a.test', { HTTPS_PROXY: 'https://one' }, 'https://one'],
    ['ws://a.test', { HTTPS_PROXY: 'http://one', HTTP_PROXY: 'http://two' }, 'http://two'],
    ['https://a.test', { https_proxy: 'one:8080' }, 'http://one:8080'],
    ['https://a.test', { HTTPS_PROXY: 'http://one', https_proxy: 'http://two' }, 'http://one'],
    ['https://a.test', { HTTPS_PROXY: '', https_proxy: 'http://two' }, 'http://two'],
    ['https://a.test', {}, undefined],
  ])('%s with %j is %s', (url, environment, proxy) => {
    expect(of(url, environment)).toBe(proxy);
  });

  it.each([
    // This machine.
    ['http://localhost', '', false],
    ['http://127.9.9.9', '', false],
    ['http://[::1]', '', false],
    ['http://128.0.0.1', '', true],
    ['http://localhost.example.com', '', true],
    ['http://anything', '*', false],
    ['http://anything', 'other, * ', false],
    // A domain with its subdomains, and only its subdomains.
    ['http://example.com', 'example.com', false],
    ['http://EXAMPLE.com.', 'Example.COM', false],
    ['http://a.example.com', 'example.com', false],
    ['http://anexample.com', 'example.com', true],
    ['http://a.example.com', '.example.com', false],
    ['http://example.com', '.example.com', true],
    ['http://a.example.com', '*.example.com', false],
    ['http://example.com', '*.example.com', true],
    // Ports.
    ['http://example.com', 'example.com:80', false],
    ['https://example.com', 'example.com:443', false],
    ['http://example.com:8080', 'example.com:80', true],
    ['http://10.1.2.3:81', '10.1.2.3:81', false],
    ['http://[2001:db8::1]:81', '[2001:db8::1]:81', false],
    ['http://[2001:db8::1]:82', '[2001:db8::1]:81', true],
    // Addresses and networks.
    ['http://10.1.2.3', '10.1.2.3', false],
    ['http://10.1.2.3', '10.0.0.0/8', false],
    ['http://11.1.2.3', '10.0.0.0/8', true],
    ['http://[2001:db8::1]', '2001:db8::1', false],
    ['http://[2001:db8::1]', '2001:db8::/32', false],
    ['http://1.10.1.2.3.example', '10.1.2.3', true],
    ['http://10.1.2.3', '10.0.0.0/99', true],
    ['http://10.1.2.3', '10.0.0.0/', true],
    ['http://10.1.2.3', '10.0.0.0/0x8', true],
    ['http://10.1.2.3', '10.0.0.0/8/3', true],
    ['http://10.1.2.3', '2.3', true],
    ['http://example.com', ',, ,', true],
  ])('%s with NO_PROXY=%s: proxied is %s', (url, NO_PROXY, isProxied) => {
    const HTTP_PROXY = 'http://one';
    const environment = { HTTP_PROXY, HTTPS_PROXY: HTTP_PROXY };
    expect(of(url, { ...environment, NO_PROXY }) !== undefined).toBe(isProxied);
    expect(of(url, { ...environment, no_proxy: NO_PROXY }) !== undefined).toBe(isProxied);
  });

  it.each(['socks5://one', 'http://', 'http://one:port', 'ftp://me:SECRET@one'])('cannot be %s', value => {
    expect(() => of('http://a.test', { HTTP_PROXY: value })).toThrow(
      /^variable HTTP_PROXY is not the http or https URL of a proxy/,
    );
  });
});
