import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { managementBindings, Secret } from '../../src/pulse/index.ts';

it('bindings are read from a management API, as it lists them', async () => {
  const asked: unknown[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push([url, headers.authorization]);
    if (url?.includes('missing')) {
      response.writeHead(404).end('{}');
      return;
    }
    const listed = [
      { source: '', routing_key: 'queue/me/q', destination: 'queue/me/q' },
      { source: 'exchange/x/y', routing_key: 'a.#', destination: 'queue/me/q' },
    ];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listed));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bindings = managementBindings({ url, user: 'me', password: new Secret('pass') });
  expect(await bindings('queue/me/q')).toEqual([
    { exchange: '', pattern: 'queue/me/q' },
    { exchange: 'exchange/x/y', pattern: 'a.#' },
  ]);
  expect(asked).toEqual([['/api/queues/%2F/queue%2Fme%2Fq/bindings', `Basic ${btoa('me:pass')}`]]);
  await expect(bindings('missing')).rejects.toMatchObject({ kind: 'connection' });
  server.close();
});
