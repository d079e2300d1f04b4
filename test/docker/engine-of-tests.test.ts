import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker, type Connected } from '../../src/worker/engines/docker/api/index.ts';
import { makeImage, testName, type TestImage } from '../harness/docker/images.ts';
import { REGISTRY_AUTH, startRegistry } from '../harness/docker/registry.ts';

describe('the engine of the tests', () => {
  let docker: Connected;
  let image: TestImage;

  beforeAll(async () => {
    docker = await connectDocker(process.env.TCW_TEST_DOCKER_HOST);
    image = await makeImage(docker.client, { changes: ['CMD ["id", "-un"]', 'USER nobody'] });
  });
  afterAll(async () => {
    await docker.client.json({ method: 'DELETE', path: `/images/${image.name}` });
    await docker.client[Symbol.asyncDispose]();
  });

  it.each([false, true])(
    'runs a container from an image that was created here (privileged: %s)',
    async Privileged => {
      expect(await outputOf({ HostConfig: { Privileged } })).toMatch(/nobody\s*$/);
    },
  );

  it('limits memory', async () => {
    const limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2> /dev/null';
    const Cmd = ['sh', '-c', limit];
    expect(await outputOf({ Cmd, User: 'root', HostConfig: { Memory: 32 * 1024 * 1024 } })).toContain(
      '33554432',
    );
  });

  it('shares its networks with the tests', async () => {
    const { client } = docker;
    const { Id } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/networks/create',
      body: { Name: testName() },
    });
    try {
      const { IPAM } = await client.json<{ IPAM: { Config: { Gateway: string }[] } }>({
        method: 'GET',
        path: `/networks/${Id}`,
      });
      const server = createServer((_request, answer) => answer.end('here I am'));
      const gateway = IPAM.Config[0]?.Gateway ?? '';
      await new Promise<void>(resolve => server.listen(0, gateway, resolve));
      const { port } = server.address() as { port: number };
      const Cmd = ['wget', '-q', '-O', '-', `http://${gateway}:${port}`];
      expect(await outputOf({ Cmd, HostConfig: { NetworkMode: Id } })).toContain('here I am');
      server.close();
    } finally {
      await client.json({ method: 'DELETE', path: `/networks/${Id}` });
    }
  });

  it.each([false, true])('can reach a registry (with credentials: %s)', async needsCredentials => {
    const { client } = docker;
    await using registry = await startRegistry({ needsCredentials });
    const { name, digest } = await registry.push(client, image.id, 'busy/box:1');
    const pull = async (headers = {}) => {
      const call = { method: 'POST', path: '/images/create', query: { fromImage: name }, headers } as const;
      return text((await client.stream(call)).body);
    };
    if (needsCredentials) await expect(pull()).rejects.toThrow('no basic auth credentials');
    expect(await pull(REGISTRY_AUTH)).toContain(digest);
    await client.json({ method: 'DELETE', path: `/images/${name}` });
  });

  async function outputOf(container: object): Promise<string> {
    const { client } = docker;
    const { Id } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: { Image: image.id, Tty: true, ...container },
    });
    try {
      await client.json({ method: 'POST', path: `/containers/${Id}/start` });
      await client.json({ method: 'POST', path: `/containers/${Id}/wait` });
      const { body } = await client.stream({
        method: 'GET',
        path: `/containers/${Id}/logs`,
        query: { stdout: 1 },
      });
      return await text(body);
    } finally {
      await client.json({ method: 'DELETE', path: `/containers/${Id}`, query: { force: 1, v: 1 } });
    }
  }
});
