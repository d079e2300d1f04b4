import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { monitoringServer, type Routes } from '../../../src/pool/health/monitoring-server.ts';

const ROUTES: Routes = {
  '/fine': () => ({ statusCode: 200, contentType: 'text/plain', body: 'fine ✓\n' }),
  '/broken': () => Promise.reject(new Error('secret')),
};

async function serve(address = '127.0.0.1', routes = ROUTES) {
  const server = await monitoringServer(routes, { address, port: 0 });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

it.each(['127.0.0.1', '::1'])('serves a path at %s, with or without a query', async address => {
  const { url } = await serve(address);
  const response = await fetch(`${url}/fine?verbose`);
  expect([response.status, await response.text()]).toEqual([200, 'fine ✓\n']);
  expect(response.headers.get('cache-control')).toBe('no-store');
});

it('answers HEAD without a body', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/fine`, { method: 'HEAD' });
  expect([response.status, await response.text()]).toEqual([200, '']);
});

it.each([
  ['GET', '/other', 404],
  ['GET', '/constructor', 404],
  ['GET', '/__proto__', 404],
  ['POST', '/fine', 405],
  ['GET', '/broken', 500],
])('answers %s %s with %i', async (method, path, status) => {
  const { url } = await serve();
  const response = await fetch(`${url}${path}`, { method });
  expect(response.status).toBe(status);
  expect(await response.text()).not.toContain('secret');
});

/** Takes more connections than there may be. */
async function crowd(url: string) {
  const held: Socket[] = [];
  onTestFinished(() => {
    for (const socket of held) socket.destroy();
  });
  for (let i = 0; i < 300; i++) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    held.push(socket);
    await once(socket, 'connect');
  }
}

it('answers although a task holds more connections than are allowed', async () => {
  const { url } = await serve();
  await crowd(url);
  const response = await fetch(`${url}/fine`);
  expect(response.status).toBe(200);
});

it('answers a request that arrived before such connections', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<undefined>();
  const { promise: known, resolve: know } = Promise.withResolvers<undefined>();
  const slow = async () => {
    ask(undefined);
    await known;
    return { statusCode: 200, contentType: 'text/plain', body: 'slow' };
  };
  const { url } = await serve('127.0.0.1', { '/slow': slow });
  const answer = fetch(`${url}/slow`);
  await asked;
  await crowd(url);
  know(undefined);
  expect((await answer).status).toBe(200);
});

it('closes while connections are open', async () => {
  const server = await monitoringServer(ROUTES, { address: '127.0.0.1', port: 0 });
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await server[Symbol.asyncDispose]();
  await closed;
});

it('reports which port is in use', async () => {
  const { url } = await serve();
  const again = monitoringServer(ROUTES, { address: '127.0.0.1', port: Number(new URL(url).port) });
  await expect(again).rejects.toThrow('EADDRINUSE');
});
