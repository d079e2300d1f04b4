import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker } from '../../src/worker/engines/docker/api/index.ts';
import { dockerEngine } from '../../src/worker/engines/docker/index.ts';
import { featuresOfOneSession } from '../../src/worker/index.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { deployment, type Deployment } from '../worker/deployment.ts';

const host = process.env.TCW_TEST_DOCKER_HOST;
const { client } = await connectDocker(host);

let local: Deployment;
let image: TestImage;

beforeAll(async () => {
  image = await makeImage(client, {
    changes: ['CMD ["sh", "-c", "echo the image speaks"]', 'ENV PATH=/bin'],
  });
  local = await deployment();
  const engine = await dockerEngine({ host });
  await local.startWorker({ capacity: 4 }, { wrap: () => engine, features: featuresOfOneSession() });
  return () => local.close();
});
afterAll(() => client[Symbol.asyncDispose]());

/** Runs a task to its end. */
async function resolved(payload: object, scopes: readonly string[] = [], definition: object = {}) {
  const taskId = await local.createTask(
    { image: image.name, ...payload },
    { scopes: [...scopes], ...definition },
  );
  const { state, runs } = await local.resolved(taskId);
  const log = await local.log(taskId, runs.length - 1).catch(() => '');
  return { taskId, state, reason: runs.at(-1)?.reasonResolved, log };
}

const sh = (script: string) => ({ command: ['sh', '-c', script] });

/** What of our containers, networks and volumes the engine has. */
async function left(): Promise<unknown[]> {
  const filters = JSON.stringify({ label: ['tcw.trace'] });
  const containers = await client.json<unknown[]>({
    method: 'GET',
    path: '/containers/json',
    query: { all: true, filters },
  });
  const networks = await client.json<unknown[]>({ method: 'GET', path: '/networks', query: { filters } });
  return [...containers, ...networks];
}

describe('a docker-worker task in a container of a real engine', () => {
  it('runs its command, or the command of its image, and leaves nothing behind', async () => {
    const own = await resolved(sh('echo "hello $TASK_ID" && test -t 1 && echo on a terminal'));
    expect(own.state, own.log).toBe('completed');
    expect(own.log).toContain(`hello ${own.taskId}\r\non a terminal\r\n`);
    const images = await resolved({});
    expect(images.state, images.log).toBe('completed');
    expect(images.log).toContain('the image speaks\r\n');
    await expect.poll(left).toEqual([]);
  });

  it.each([
    ['fails', sh('exit 3'), 'failed', 'exit status 3'],
    ['does not exist', { command: ['no-such-program'] }, 'failed', 'no-such-program'],
    ['runs too long', { ...sh('sleep 600'), maxRunTime: 1 }, 'failed', 'max run time exceeded'],
  ])('fails if its command %s', async (_, payload, state, words) => {
    const run = await resolved(payload);
    expect([run.state, run.log]).toEqual([state, expect.stringContaining(words)]);
  });

  it('is ended by a cancellation, with all its processes', async () => {
    const taskId = await local.createTask({
      image: image.name,
      ...sh("trap '' TERM; sleep 600 & sleep 600"),
    });
    await local.running(taskId);
    await expect.poll(left).toHaveLength(1);
    await local.cancelTask(taskId);
    await expect.poll(left).toEqual([]);
  });

  it('can upload artifacts from its container and from its volumes', async () => {
    const { taskId, state, log } = await resolved({
      ...sh(`
        mkdir -p /out/deep && echo one >/out/one.txt && echo two >/out/deep/two.txt && ln -s /etc/passwd /out/link
        head -c 3000000 /dev/zero >/big.bin && echo in the volume >/volume/file && ln -s /etc/shadow /volume/shadow`),
      artifacts: {
        'public/out': { type: 'directory', path: '/out' },
        'public/big.bin': { type: 'file', path: '/big.bin' },
        'public/volume': { type: 'volume', path: '/volume' },
        'public/missing': { type: 'file', path: '/missing' },
      },
    });
    expect(state, log).toBe('completed');
    const text = async (name: string) => (await local.artifact(taskId, name)).toString();
    expect(await text('public/out/one.txt')).toBe('one\n');
    expect(await text('public/out/deep/two.txt')).toBe('two\n');
    // The container's own, not the machine's.
    expect(await text('public/out/link')).toBe(
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n',
    );
    expect(await text('public/volume/file')).toBe('in the volume\n');
    expect((await local.artifact(taskId, 'public/big.bin')).equals(Buffer.alloc(3_000_000))).toBe(true);
    const errors = (await local.artifacts(taskId)).filter(({ storageType }) => storageType === 'error');
    expect(errors.map(({ name }) => name).sort()).toEqual(['public/missing', 'public/volume/shadow']);
  });

  it('ends even if it is stopped while a directory with an endless file is read', async () => {
    const taskId = await local.createTask({
      image: image.name,
      ...sh('mkdir /out && truncate -s 8796093022208 /out/holes'),
      artifacts: { 'public/out': { type: 'directory', path: '/out' } },
    });
    const states = async () =>
      (await left()).flatMap(each => ((each as { State?: string }).State === 'exited' ? [1] : []));
    await expect.poll(states).toHaveLength(1);
    await setTimeout(500);
    await local.cancelTask(taskId);
    await expect.poll(left).toEqual([]);
  });

  it('gets its caches again, even as another user', async () => {
    const cache = { cache: { 'real-cache': '/cache' } };
    const scopes = ['docker-worker:cache:real-cache'];
    const first = await resolved({ ...cache, ...sh('echo kept >/cache/file') }, scopes);
    expect(first.state, first.log).toBe('completed');
    const nobody = await makeImage(client, { changes: ['USER nobody', 'ENV PATH=/bin'] });
    const second = await resolved(
      { ...cache, image: nobody.name, ...sh('cat /cache/file && echo mine >/cache/mine && id -un') },
      scopes,
    );
    expect(second.state, second.log).toBe('completed');
    expect(second.log).toContain('kept\r\nnobody\r\n');
  });

  it('calls Taskcluster through its own proxy, which refuses other containers', async () => {
    const waiting = await local.createTask(
      {
        image: image.name,
        features: { taskclusterProxy: true },
        ...sh(`
          wget -q -O - $TASKCLUSTER_PROXY_URL/api/queue/v1/ping && wget -q -O - http://taskcluster/api/queue/v1/ping
          ip -4 route | sed -n 's/^default via \\([^ ]*\\).*/gateway=\\1./p'; echo url=$TASKCLUSTER_PROXY_URL.; sleep 600`),
      },
      {},
    );
    await local.running(waiting);
    let gateway = '';
    await expect
      .poll(async () => {
        const [network] = await client.json<{ IPAM: { Config: { Gateway: string }[] } }[]>({
          method: 'GET',
          path: '/networks',
          query: { filters: JSON.stringify({ label: ['tcw.trace'] }) },
        });
        return (gateway = network?.IPAM.Config[0]?.Gateway ?? '');
      })
      .not.toBe('');
    const other = await resolved(
      // wget of a static busybox cannot do without its libraries here.
      sh(
        `printf 'GET /api/queue/v1/ping HTTP/1.0\\r\\nHost: taskcluster\\r\\n\\r\\n' | nc -w 3 ${gateway} 80 | head -1; echo asked`,
      ),
    );
    expect(other.state, other.log).toBe('completed');
    expect(other.log).toContain('asked\r\n');
    expect(other.log).not.toContain('HTTP/1.1 200');
    await local.cancelTask(waiting);
    await expect.poll(left).toEqual([]);
    const log = await local.log(waiting);
    expect(log.match(/"alive":\s*true/g)).toHaveLength(2);
  });

  it('can use an image from an artifact, which is loaded once and named in the chain of trust', async () => {
    const { body } = await client.stream({ method: 'GET', path: `/images/${image.name}/get` });
    const archive = zstdCompressSync(await buffer(body));
    const maker = await resolved({
      image: (await makeImage(client, { entries: [{ name: 'image.tar.zst', content: archive }] })).name,
      command: ['true'],
      artifacts: { 'public/image.tar.zst': { type: 'file', path: '/image.tar.zst' } },
    });
    expect(maker.state, maker.log).toBe('completed');
    const payload = {
      image: { type: 'task-image', taskId: maker.taskId, path: 'public/image.tar.zst' },
      features: { chainOfTrust: true },
    };
    const first = await resolved(payload);
    expect(first.state, first.log).toBe('completed');
    expect(first.log).toContain('the image speaks');
    expect(first.log).toContain('Loading image');
    const second = await resolved(payload);
    expect(second.state, second.log).toBe('completed');
    expect(second.log).not.toContain('Loading image');
    const chain = JSON.parse(
      (await local.artifact(second.taskId, 'public/chain-of-trust.json')).toString(),
    ) as {
      environment: Record<string, string>;
    };
    expect(chain.environment).toMatchObject({
      imageHash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
      imageArtifactHash: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
    });
  });

  it('is malformed if its image has no name, and fails or is malformed if the image does not exist', async () => {
    const { reason, log } = await resolved({ image: 'localhost:1/no-such-image:1' });
    expect(reason).not.toBe('completed');
    expect(log).toContain('no-such-image');
  });

  it('logs the resource usage of its processes', async () => {
    const { log } = await resolved(sh('head -c 100000000 /dev/zero | md5sum; sleep 1'));
    expect(log).toMatch(/peak memory|Peak memory/i);
  });
});
