import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import {
  configuredMethod,
  ExposureNotConfigured,
  openExposure,
  type Handler,
} from '../../../src/worker/exposure/index.ts';
import { waitFor } from '../../wait-for.ts';
import { workerConfig } from '../unit/worker-config.ts';
import { testCertificate } from './certificate.ts';

type Change = Parameters<typeof workerConfig>[0];

const exposureOf = (change: Change) => openExposure(configuredMethod(workerConfig(change)));

const hello: Handler = {
  request: (_, response) => {
    response.end('hello');
  },
};

it('serves content under its own URL only', async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const exposed = await exposure.open('log', hello);
  expect(exposed.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/log\/[\w-]{32}$/);
  expect(await (await fetch(exposed.url)).text()).toBe('hello');

  const statusOf = async (url: string) => {
    const response = await fetch(url);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    return response.status;
  };
  expect(await statusOf(exposed.url.slice(0, -1))).toBe(401);
  expect(await statusOf(`${exposed.url}x`)).toBe(401);
  expect(await statusOf(exposed.url.replace('/log/', '/shell/'))).toBe(404);
  expect(await statusOf(new URL('/', exposed.url).href)).toBe(404);

  await exposed[Symbol.asyncDispose]();
  expect(await statusOf(exposed.url)).toBe(401);
});

it('serves several URLs on one port', async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const [log, shell] = await Promise.all([exposure.open('log', hello), exposure.open('shell', hello)]);
  expect(new URL(shell.url).port).toBe(new URL(log.url).port);
  expect(await (await fetch(`${shell.url}/more?v=2`)).text()).toBe('hello');
});

it('answers the preflight request that browsers send before a request with Range', async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const { url } = await exposure.open('log', hello);
  const { status, headers } = await fetch(url, { method: 'OPTIONS' });
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-headers')).toBe('Range');
});

it('answers clients that offer HTTP/2, such as curl and Java, with HTTP/1.1', async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const { url } = await exposure.open('log', hello);
  const headers = {
    connection: 'Upgrade, HTTP2-Settings',
    upgrade: 'h2c',
    'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
  };
  const request = http.get(url, { headers });
  const [{ statusCode }] = (await once(request, 'response')) as [http.IncomingMessage];
  expect(statusCode).toBe(200);
});

it('passes websockets to their handler, and refuses others', async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const { url } = await exposure.open('shell', {
    ...hello,
    upgrade: (_, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    },
  });
  const other = await exposure.open('log', hello);
  expect(await handshake(url)).toBe(101);
  expect(await handshake(other.url)).toBe(400);
  expect(await handshake(`${url}x`)).toBe(401);
  expect(await handshake(url.replace('shell', 'display'))).toBe(404);
});

async function handshake(url: string): Promise<number | undefined> {
  const request = http.get(url, { headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
  const [response] = (await Promise.race([once(request, 'upgrade'), once(request, 'response')])) as [
    http.IncomingMessage,
  ];
  request.destroy();
  return response.statusCode;
}

it('encrypts with livelogCertificate and livelogKey', async () => {
  using files = testCertificate();
  await using exposure = exposureOf({ publicIP: '127.0.0.1', ...files });
  const { url } = await exposure.open('log', hello);
  expect(url).toMatch(/^https:/);
  const [response] = (await once(
    https.get(url, { ca: readFileSync(files.livelogCertificate) }),
    'response',
  )) as [http.IncomingMessage];
  expect(response.statusCode).toBe(200);
  response.destroy();
});

it('reports an invalid certificate at the start', () => {
  using files = testCertificate();
  const { livelogCertificate, livelogKey } = files;
  const problem = (change: Change) => () =>
    configuredMethod(workerConfig({ publicIP: '127.0.0.1', ...change }));
  expect(problem({ livelogKey })).toThrow(/^livelogKey is set and livelogCertificate is not/);
  expect(problem({ livelogCertificate })).toThrow(/^livelogCertificate is set and livelogKey is not/);
  expect(problem({ livelogCertificate: '/nowhere/cert.pem', livelogKey })).toThrow(
    /^livelogCertificate cannot be read: ENOENT.*\/nowhere\/cert\.pem/,
  );
  writeFileSync(livelogKey, 'no key');
  expect(problem({ livelogCertificate, livelogKey })).toThrow(/cannot be used together: /);
});

it('uses a stateless DNS name if a secret and a domain are configured', async () => {
  const [publicIP, subdomain] = ['127.0.0.1', 'workers.example.com'];
  const livelogSecret = new Secret('shared');
  await using exposure = exposureOf({ publicIP, subdomain, livelogSecret });
  const { url } = await exposure.open('log', hello);
  expect(url).toMatch(/^http:\/\/[a-z2-7]{48}\.workers\.example\.com:\d+\/log\//);
  const reached = new URL(url);
  reached.hostname = publicIP;
  expect(await (await fetch(reached)).text()).toBe('hello');

  const half = () => configuredMethod(workerConfig({ publicIP, subdomain }));
  expect(half).toThrow('a stateless DNS name needs both livelogSecret and subdomain');
});

it('is unreachable without a configuration', async () => {
  await using exposure = exposureOf({});
  expect(exposure.method).toBeUndefined();
  await expect(exposure.open('log', hello)).rejects.toThrow(ExposureNotConfigured);
});

it('reports a port that is in use, and tries again', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as net.AddressInfo;
  await using exposure = exposureOf({ publicIP: '127.0.0.1', livelogExposePort: port });
  await expect(exposure.open('log', hello)).rejects.toThrow(
    `port ${port} of livelogExposePort is not available: `,
  );
  other.close();
  await once(other, 'close');
  expect((await exposure.open('log', hello)).url).toContain(`:${port}/`);
});

it('closes all connections with the worker', async () => {
  const exposure = exposureOf({ publicIP: '127.0.0.1' });
  const { url } = await exposure.open('log', { request: (_, response) => void response.write('never ends') });
  const reader = await fetch(url);
  await exposure[Symbol.asyncDispose]();
  await expect(reader.text()).rejects.toThrow();
  await expect(fetch(url)).rejects.toThrow();
});

it('disconnects clients that send no request, or an invalid one', { timeout: 60_000 }, async () => {
  await using exposure = exposureOf({ publicIP: '127.0.0.1' });
  const { url } = await exposure.open('log', hello);
  const port = Number(new URL(url).port);
  /** The answer to a client that never closes its side. */
  const said = async (words: string) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).write(words);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'end');
    // The connection refuses further data only after the worker has closed it.
    await waitFor(() => {
      socket.write('more');
      expect(socket.destroyed).toBe(true);
    });
    return answer;
  };
  const websocket = 'Host: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const answers = await Promise.all([
    said('GET / HTTP/1.1\r\nX-Slow: '),
    said('hello?\r\n\r\n'),
    said(`GET / HTTP/1.1\r\n${websocket}`),
    said(`GET ${new URL(url).pathname} HTTP/1.1\r\n${websocket}`),
  ]);
  const codes = answers.map(answer => /^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);
  expect(codes).toEqual(['408', '400', '404', '400']);
});
