import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { TEST_MS } from '../../patience.ts';
import { call, proxyTo } from './run-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcw-tls-'));
const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
  stdio: 'pipe',
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function secureService() {
  const seen: string[] = [];
  const server = https.createServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      request.pipe(response);
    },
  );
  let connections = 0;
  server.on('secureConnection', () => connections++);
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('a deployment behind TLS', { timeout: TEST_MS }, () => {
  it('is not trusted with a self-signed certificate', async () => {
    await using service = await secureService();
    await using proxy = await proxyTo(`https://localhost:${service.port}`, { tryForMs: 300 });
    const { status, text } = await call(proxy.url, '/api/queue/v1/ping');
    expect(status).toBe(502);
    expect(text).toMatch(/certificate/);
    expect(service.seen).toEqual([]);
  });

  it('is called by its host name, over one connection', async () => {
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, readFileSync(cert, 'utf8')]);
    try {
      await using service = await secureService();
      await using proxy = await proxyTo(`https://localhost:${service.port}/`);
      const body = 'x'.repeat(1_000_000);
      const headers = { 'content-length': body.length };
      expect((await call(proxy.url, '/api/queue/v1/a%2Fb', { method: 'PUT', body, headers })).text).toBe(
        body,
      );
      expect((await call(proxy.url, '/index/v1/x')).status).toBe(200);
      expect(service.seen).toEqual([
        `PUT /api/queue/v1/a%2Fb localhost:${service.port}`,
        `GET /api/index/v1/x localhost:${service.port}`,
      ]);
      expect(service.connections()).toBe(1);
    } finally {
      tls.setDefaultCACertificates(before);
    }
  });
});
