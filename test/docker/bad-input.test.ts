import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { makeImage, testName, type TestImage } from '../harness/docker/images.ts';
import { startRegistry, type TestRegistry } from '../harness/docker/registry.ts';
import { containerWorker, host, left, sh, type ContainerWorker, type Ended } from './container-worker.ts';
import { registryProxy, type RegistryProxy, type Treatment } from './registry-proxy.ts';

let client: DockerClient;
let image: TestImage;
/** In the registry only. */
let remote: { readonly id: string; readonly digest: string };
let registry: TestRegistry;
let proxy: RegistryProxy;
let here: ContainerWorker;

beforeAll(async () => {
  ({ client } = await connectDocker(host));
  [registry, image] = await Promise.all([startRegistry(), makeImage(client)]);
  const { id, name } = await makeImage(client);
  const { digest } = await registry.push(client, id, 'org/busy:1');
  await removeName(client, name);
  remote = { id, digest };
  return async () => {
    await removeName(client, image.name);
    await registry[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  };
});
beforeEach(async () => {
  proxy = await registryProxy(registry.host);
  here = await containerWorker();
  return () => proxy[Symbol.asyncDispose]();
});

/** Expects that a task with an image ends so, says why once, leaves nothing, and leaves the worker well. */
async function refused(asked: unknown, reason: string, message: string | RegExp): Promise<Ended> {
  const run = await here.resolved({ image: asked, ...sh('echo it ran') });
  expect([run.state, run.reason], run.log).toEqual(['exception', reason]);
  expect(run.log).toMatch(message);
  expect(run.log).not.toContain('it ran\r\n');
  expect(run.log).not.toContain('internal error');
  await expect.poll(() => left(client)).toEqual([]);
  const next = await here.resolved({ image: image.name, ...sh('true') });
  expect(next.state, next.log).toBe('completed');
  return run;
}

describe('a task whose image', () => {
  it.each([
    ['has a tag that does not exist', 'org/busy:2'],
    ['has a name that does not exist', 'org/nobody:1'],
    ['has a digest that does not exist', `org/busy@sha256:${'0'.repeat(64)}`],
  ])('%s is malformed', async (_, name) => {
    await refused(
      `${proxy.host}/${name}`,
      'malformed-payload',
      `no image ${proxy.host}/${name}: it does not exist (`,
    );
  });

  it.each([
    ['a tag twice', 'busy:1:2'],
    ['a tag that cannot be one', 'busy:-1'],
    ['a digest that is cut', 'busy@sha256:0123'],
    ['capital letters', 'Busy:1'],
    ['the worker’s own registry', 'images.tcw.invalid/tag/docker.io/library/busybox:1'],
    ['an id', '0'.repeat(64)],
    ['an id with its algorithm', `sha256:${'0'.repeat(64)}`],
    ['a way out of the API', '../containers/json?all=1'],
    ['a flag', '--privileged'],
  ])('has %s in its name is resolved as malformed-payload', async (_, name) => {
    await refused(name, 'malformed-payload', `${JSON.stringify(name)} is not the name of an image: `);
  });

  it('needs credentials is malformed, and its log says which are missing', async () => {
    await using closed = await startRegistry({ needsCredentials: true });
    await closed.push(client, image.id, 'org/closed:1');
    await refused(
      `${closed.host}/org/closed:1`,
      'malformed-payload',
      /no image \S+\/org\/closed:1: the registry requires credentials, and does not accept the worker's \(.*no basic auth/,
    );
  });

  it('is for other machines only is malformed', async () => {
    await pushForOthers(registry.host, remote.digest);
    await refused(
      `${proxy.host}/org/busy:far`,
      'malformed-payload',
      /org\/busy:far: there is none for this kind of machine \(no matching manifest for linux\//,
    );
  });
});

describe('a task whose registry', () => {
  const CUT: Treatment = { kind: 'cut', afterBytes: 100 };
  const STALL: Treatment = { kind: 'stall', afterBytes: 10 };
  const tooMany: Treatment = {
    kind: 'status',
    status: 429,
    body: { errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }] },
  };
  const broken: Treatment = { kind: 'status', status: 503, body: {} };
  const changed: Treatment = {
    kind: 'change',
    change: body => Buffer.concat([body.subarray(0, -1), Buffer.from('!')]),
  };
  const longer: Treatment = { kind: 'change', change: body => Buffer.concat([body, Buffer.from(' ')]) };

  it.each<[string, string, Treatment, RegExp]>([
    ['is slow with manifests', '/manifests/', STALL, /it comes too slowly \(nothing was received for 2 s\)/],
    ['is slow with layers', '/blobs/', STALL, /it comes too slowly \(nothing was received for 2 s\)/],
    ['cuts off layers', '/blobs/', CUT, /its registry closes the connection early \(/],
    ['refuses because of its rate limit', '/manifests/', tooMany, /because too many were pulled \(/],
    ['is broken', '/manifests/', broken, /its registry closes the connection early \(/],
  ])('%s is resolved as resource-unavailable, after another attempt', async (_, part, treatment, message) => {
    proxy.treat = asked => (asked.includes(part) ? treatment : undefined);
    const { log } = await refused(`${proxy.host}/org/busy:1`, 'resource-unavailable', message);
    expect(log).toMatch(/; trying again in \d+ s/);
  });

  it.each([
    ['manifests', '/manifests/', longer],
    ['layers', '/blobs/', changed],
  ])(
    'sends %s that do not match the digest is resolved as resource-unavailable',
    async (_, part, treatment) => {
      // The engine remembers what it has pulled once.
      const { id, name } = await makeImage(client);
      const repo = `org/${testName()}`;
      const { digest } = await registry.push(client, id, `${repo}:1`);
      await removeName(client, name);
      proxy.treat = asked => (asked.startsWith('GET') && asked.includes(part) ? treatment : undefined);
      await refused(
        `${proxy.host}/${repo}@${digest}`,
        'resource-unavailable',
        /the registry sends content that does not match the digest \(/,
      );
    },
  );

  it('is unreachable is resolved as resource-unavailable', async () => {
    const gone = await registryProxy(registry.host);
    await gone[Symbol.asyncDispose]();
    await refused(
      `${gone.host}/org/busy:1`,
      'resource-unavailable',
      /its registry cannot be reached \(.*connection refused/,
    );
  });
});

describe('a task whose image is in an artifact', () => {
  const archives: [string, (whole: Buffer) => Promise<Buffer> | Buffer, RegExp][] = [
    ['is cut', whole => whole.subarray(0, whole.length / 2), /contains no image: /],
    ['is cut and compressed', whole => zstdCompressSync(whole).subarray(0, 50_000), /contains no image: /],
    ['is damaged', damaged, /the engine cannot load the archive .*public\/image\.tar: /],
    ['is empty', () => Buffer.alloc(0), /contains no image: /],
    ['is text', () => Buffer.from('<html>'.repeat(1_000)), /contains no image: /],
    ['has no tag', () => savedAs(image.id), /has an image without a tag: save it by its name and tag/],
    ['has two tags', savedTwice, /has an image with 2 tags \(.*\): save it by one of them/],
    ['has two images', savedWithOther, /has 2 images \(.*\), but must have one: save only one/],
  ];
  it.each(archives)('is malformed if the artifact %s', async (_, make, message) => {
    const content = await make(await savedAndGone());
    const maker = await makeImage(client, { entries: [{ name: 'image.tar', content }] });
    const made = await here.resolved({
      image: maker.name,
      command: ['true'],
      artifacts: { 'public/image.tar': { type: 'file', path: '/image.tar' } },
    });
    expect(made.state, made.log).toBe('completed');
    await removeName(client, maker.name);
    const { taskId } = made;
    await refused({ type: 'task-image', taskId, path: 'public/image.tar' }, 'malformed-payload', message);
  });

  it('fails if the artifact does not exist', async () => {
    const made = await here.resolved({ image: image.name, command: ['true'] });
    const wanted = { type: 'task-image', taskId: made.taskId, path: 'public/image.tar' };
    const run = await here.resolved({ image: wanted, command: ['true'] });
    expect([run.state, run.log]).toEqual([
      'failed',
      expect.stringMatching(
        /Could not fetch from task \S+ artifact public\/image\.tar .* due to .*Artifact not found \(404\)/,
      ),
    ]);
  });
});

it('an image for another kind of machine is named in the log, and its programs fail', async () => {
  const content = Buffer.from(await readFile(process.execPath)).subarray(0, 100_000);
  // The kind of machine in the header of a program (elf(5)). No machine has the last one.
  content.writeUInt16LE(0xffff, 18);
  const entries = [{ name: 'bin/far', content, mode: 0o755 }];
  const far = await makeImage(client, { entries });
  const archive = (await savedAs(far.name)).toString('latin1');
  await removeName(client, far.name);
  // Names of five letters, so that the archive stays as long as it is.
  const changed = archive.replaceAll(/"architecture":"\w{5}"/g, '"architecture":"s390x"');
  expect(changed).not.toBe(archive);
  await client.json({
    method: 'POST',
    path: '/images/load',
    query: { quiet: true },
    headers: { 'content-type': 'application/x-tar' },
    body: Readable.from([Buffer.from(changed, 'latin1')]),
  });
  const run = await here.resolved({ image: far.name, command: ['/bin/far', 'true'] });
  await removeName(client, far.name);
  expect([run.state, run.log]).toEqual([
    'failed',
    expect.stringContaining(
      `The image docker.io/library/${far.name} is for linux/s390x, and this engine runs on linux/`,
    ),
  ]);
});

/** What `docker save` writes. */
async function savedAs(...names: readonly string[]): Promise<Buffer> {
  const query = names.map(name => `names=${name}`).join('&');
  const { body } = await client.stream({ method: 'GET', path: `/images/get?${query}` });
  return buffer(body);
}

/** Of an image that the engine does not have any more: it takes layers that it has for those of an archive. */
async function savedAndGone(): Promise<Buffer> {
  const { name } = await makeImage(client);
  const archive = await savedAs(name);
  await removeName(client, name);
  return archive;
}

async function savedTwice(): Promise<Buffer> {
  const repo = testName();
  await client.json({ method: 'POST', path: `/images/${image.id}/tag`, query: { repo, tag: 'second' } });
  try {
    return await savedAs(image.name, `${repo}:second`);
  } finally {
    await removeName(client, `${repo}:second`);
  }
}

async function savedWithOther(): Promise<Buffer> {
  const { name } = await makeImage(client);
  try {
    return await savedAs(image.name, name);
  } finally {
    await removeName(client, name);
  }
}

function damaged(whole: Buffer): Buffer {
  const middle = Math.floor(whole.length / 2);
  return Buffer.from(whole).fill(0x55, middle, middle + 1_000);
}

/** Gives an image of the registry a second name, `org/busy:far`, that is for IBM's mainframes only. */
async function pushForOthers(registryHost: string, digest: string): Promise<void> {
  const list = 'application/vnd.docker.distribution.manifest.list.v2+json';
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifests = `http://${registryHost}/v2/org/busy/manifests`;
  const answer = await fetch(`${manifests}/${digest}`, { headers: { accept: mediaType } });
  const { length: size } = await answer.text();
  const platform = { os: 'linux', architecture: 's390x' };
  const put = await fetch(`${manifests}/far`, {
    method: 'PUT',
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: list,
      manifests: [{ mediaType, size, digest, platform }],
    }),
    headers: { 'content-type': list },
  });
  expect(put.status).toBe(201);
}
