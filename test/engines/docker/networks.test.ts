import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectionOf } from '../../../src/worker/engines/connection.ts';
import type { Network } from '../../../src/worker/engines/container.ts';
import type { DockerSandbox } from '../../../src/worker/engines/docker/sandbox.ts';
import { testName } from '../../harness/docker/images.ts';
import { client, engine, openSandbox } from './fixtures.ts';

afterAll(() => engine.close());

async function openNetwork(): Promise<Network> {
  const network = await engine.openNetwork({ runName: testName(), signal: new AbortController().signal });
  onTestFinished(() => network[Symbol.asyncDispose]());
  return network;
}

/** A server that tells each client whether its connection belongs to a sandbox. */
async function listening(address: string, sandbox: () => DockerSandbox): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => undefined).resume();
    const connection = connectionOf(socket);
    if (!connection) return;
    void sandbox()
      .isPeer(connection)
      .then(is => socket.end(`${is}`));
  });
  server.listen(0, address);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('a network of a run', () => {
  it('includes this machine, and distinguishes its own containers from others that can reach it', async () => {
    const network = await openNetwork();
    expect(network.gateway).toMatch(/^\d+\.\d+\.\d+\.1$/);
    expect(network.subnet).toMatch(/^\d+\.\d+\.\d+\.0\/\d+$/);
    const ours = await openSandbox({ network });
    const port = await listening(network.gateway, () => ours.sandbox);
    const ask = `sleep 1 | nc ${network.gateway} ${port}`;
    expect((await ours.shell(ask)).text).toBe('true');

    // The run has a running container meanwhile.
    const staying = ours.shell('sleep 600');
    const elsewhere = await openSandbox({});
    const other = await openSandbox({ network: await openNetwork() });
    // Docker lets containers of other networks reach the address.
    expect((await elsewhere.shell(ask)).text).toBe('false');
    expect((await other.shell(ask)).text).toBe('false');
    await ours.sandbox.close();
    await staying;
  });

  it('does not reuse the address of a container that has ended', async () => {
    const network = await openNetwork();
    const [first, second] = [await openSandbox({ network }), await openSandbox({ network })];
    const port = await listening(network.gateway, () => first.sandbox);
    const ask = `sleep 1 | nc ${network.gateway} ${port}`;
    expect((await first.shell(ask)).text).toBe('true');
    expect((await second.shell(ask)).text).toBe('false');
  });

  it('is removed when it is disposed of, which may be repeated', async () => {
    const network = await engine.openNetwork({ runName: testName(), signal: new AbortController().signal });
    const { shell, sandbox } = await openSandbox({ network });
    await shell('true');
    await sandbox.remove();
    await network[Symbol.asyncDispose]();
    await expect(client.json({ method: 'GET', path: `/networks/${network.id}` })).rejects.toThrow(
      'not found',
    );
    await network[Symbol.asyncDispose]();
  });

  it('is removed with a run that is stopped', async () => {
    const runName = testName();
    const stopped = new AbortController();
    const opening = engine.openNetwork({ runName, signal: stopped.signal });
    stopped.abort(new Error('the run is over'));
    await expect(opening).rejects.toThrow('the run is over');
    const found = await client.json<unknown[]>({
      method: 'GET',
      path: '/networks',
      query: { filters: JSON.stringify({ label: [`tcw.run=${runName}`] }) },
    });
    expect(found).toEqual([]);
  });
});
