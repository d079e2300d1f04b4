import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/index.ts';
import type { DockerImages } from '../../src/worker/engines/docker/images/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { makeImage, type TestImage } from '../harness/docker/images.ts';
import { startRegistry, type TestRegistry } from '../harness/docker/registry.ts';
import { engineOfTests, namesIn, openImages, removeUnused, wanting } from './images-of-tests.ts';
import { registryProxy, type RegistryProxy } from './registry-proxy.ts';

describe('an image by its name', () => {
  const engine = engineOfTests();
  let registry: TestRegistry;
  let proxy: RegistryProxy;
  let image: TestImage;
  let digest: string;
  let images: DockerImages;
  const named = (name: string, host = proxy.host) => ({ kind: 'named', name: `${host}/${name}` }) as const;

  beforeAll(async () => {
    const { client } = engine.docker;
    [registry, image] = await Promise.all([startRegistry(), makeImage(client)]);
    ({ digest } = await registry.push(client, image.id, 'org/busy:1'));
    await removeName(client, image.name);
  });
  beforeEach(async () => {
    proxy = await registryProxy(registry.host);
    images = await openImages(engine.docker);
    return async () => {
      await images[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      const { ours } = await namesIn(engine.docker);
      for (const name of ours) await removeName(engine.docker.client, name);
    };
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  it('is pulled once for all concurrent runs, and not again later', async () => {
    const wanted = Array.from({ length: 4 }, wanting);
    const held = await Promise.all(wanted.map(each => images.get(named('org/busy:1'), each)));
    for (const { id, isCached } of held) expect({ id, isCached }).toEqual({ id: image.id, isCached: false });
    expect(proxy.requests.filter(request => request.includes('/blobs/')).length).toBe(2);
    for (const { lines } of wanted) {
      expect(lines[0]).toBe(`Pulling image ${proxy.host}/org/busy:1`);
      expect(lines.at(-1)).toBe(`Pulled image ${proxy.host}/org/busy:1: ${image.id}`);
      expect(lines.some(line => / of \d+ MB$/.test(line))).toBe(true);
    }
    const { length } = proxy.requests;
    await using again = await images.get(named('org/busy:1'), wanting());
    expect(again).toMatchObject({ id: image.id, isCached: true });
    expect(proxy.requests.length).toBe(length);
    for (const each of held) await each[Symbol.asyncDispose]();
  });

  it('is shared with other workers of the same engine, even if they pull it at the same time', async () => {
    const others = await Promise.all([openImages(engine.docker), openImages(engine.docker)]);
    const wanted = [images, ...others].map(each => each.get(named('org/busy:1'), wanting()));
    const held = await Promise.all(wanted);
    for (const each of held) expect(each.id).toBe(image.id);
    expect(await namesIn(engine.docker)).toMatchObject({ ours: [expect.stringContaining('/org/busy:1')] });
    for (const each of held) await each[Symbol.asyncDispose]();
    for (const each of others) await each[Symbol.asyncDispose]();
  });

  it('has only a name of the worker in the engine', async () => {
    const before = await namesIn(engine.docker);
    await using _held = await images.get(named('org/busy:1'), wanting());
    const { ours, others } = await namesIn(engine.docker);
    expect(others.filter(name => !before.others.includes(name))).toEqual([]);
    expect(ours).toEqual([`images.tcw.invalid/tag/${proxy.host.replace(':', '__')}/org/busy:1`]);
  });

  it.each(['org/busy', 'org/busy:other'])('may have a digest, which decides: %s', async prefix => {
    const name = `${prefix}@${digest}`;
    await using held = await images.get(named(name), wanting());
    expect(held).toMatchObject({ id: image.id, isCached: false });
    const before = proxy.requests.length;
    const later = await openImages(engine.docker);
    await using again = await later.get(named(name), wanting());
    expect(again).toMatchObject({ id: image.id, isCached: true });
    expect(proxy.requests.length).toBe(before);
  });

  it('needs credentials if the registry requires them', async () => {
    await using closed = await startRegistry({ needsCredentials: true });
    await using held = await images.get(named('org/busy:1'), wanting());
    await closed.push(engine.docker.client, held.id, 'org/closed:1');
    const source = named('org/closed:1', closed.host);
    const problem = { kind: 'malformed-payload', problem: 'credentials' };
    await expect(images.get(source, wanting())).rejects.toMatchObject(problem);
    const withPassword = (password: string) =>
      openImages(engine.docker, {
        credentials: host =>
          host === closed.host ? { username: 'tcw-test', password: new Secret(password) } : undefined,
      });
    const wrong = await withPassword('not-it');
    const wanted = wanting();
    const failure = await wrong.get(source, wanted).catch((error: unknown) => error);
    expect(failure).toMatchObject(problem);
    expect(`${String(failure)} ${wanted.lines.join(' ')}`).not.toContain('not-it');
    const right = await withPassword('tcw-secret');
    await using own = await right.get(source, wanting());
    expect(own.id).toBe(image.id);
    await own[Symbol.asyncDispose]();
    expect(await removeUnused(right)).toContain(`image ${closed.host}/org/closed:1`);
  });

  it.each(['org/busy:2', 'org/nobody:1', `org/busy@sha256:${'0'.repeat(64)}`])(
    'does not exist: %s',
    async name => {
      const failure = images.get(named(name), wanting());
      await expect(failure).rejects.toMatchObject({ kind: 'malformed-payload', problem: 'missing' });
      await expect(failure).rejects.toThrow(`no image ${proxy.host}/${name}: it does not exist (`);
    },
  );

  it('is pulled again after the registry has refused it because of its rate limit', async () => {
    // The engine asks twice each time.
    let refusals = 4;
    const body = { errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }] };
    proxy.treat = request =>
      request.includes('/manifests/') && refusals-- > 0 ? { kind: 'status', status: 429, body } : undefined;
    const wanted = wanting();
    await using held = await images.get(named('org/busy:1'), wanted);
    expect(held.id).toBe(image.id);
    expect(
      wanted.lines.filter(line =>
        /refuses it, because too many were pulled .*trying again in \d+ s$/.test(line),
      ),
    ).toHaveLength(2);

    refusals = Infinity;
    const other = images.get(named('org/busy'), wanting());
    await expect(other).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'rate' });
  });

  it('is pulled again after a lost connection', async () => {
    const wanted = wanting();
    const isCut = () => wanted.lines.some(line => line.includes('its registry closes the connection early'));
    const cut = { kind: 'cut', afterBytes: 100 } as const;
    proxy.treat = request => (request.includes('/blobs/') && !isCut() ? cut : undefined);
    await using held = await images.get(named('org/busy:1'), wanted);
    expect(held.id).toBe(image.id);
    expect(isCut()).toBe(true);

    proxy.treat = request => (request.includes('/blobs/') ? cut : undefined);
    await held[Symbol.asyncDispose]();
    await removeUnused(images);
    const again = images.get(named('org/busy:1'), wanting());
    await expect(again).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'cut' });
  });

  it.each(['/manifests/', '/blobs/'])('is abandoned when %s stalls', async part => {
    const impatient = await openImages(engine.docker, { limits: { stallMs: 1_000, attempts: 1 } });
    proxy.treat = request => (request.includes(part) ? { kind: 'stall', afterBytes: 10 } : undefined);
    const failure = impatient.get(named('org/busy:1'), wanting());
    await expect(failure).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'slow' });
    await expect(failure).rejects.toThrow(/comes too slowly \(nothing was received for 1 s\)/);
  });

  it.each(['/manifests/', '/blobs/'])('is refused if %s do not match the digest', async part => {
    // The engine remembers what it has pulled once.
    const other = await makeImage(engine.docker.client);
    const pushed = await registry.push(engine.docker.client, other.id, 'org/other');
    await removeName(engine.docker.client, other.name);
    const change = (body: Buffer) =>
      part === '/manifests/'
        ? Buffer.concat([body, Buffer.from(' ')])
        : Buffer.concat([body.subarray(0, -1), Buffer.from('!')]);
    proxy.treat = request =>
      request.startsWith('GET') && request.includes(part) ? { kind: 'change', change } : undefined;
    const failure = images.get(named(`org/other@${pushed.digest}`), wanting());
    await expect(failure).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'digest' });
  });

  it('is refused if it is only for other kinds of machines', async () => {
    const list = 'application/vnd.docker.distribution.manifest.list.v2+json';
    const manifest = { mediaType: 'application/vnd.docker.distribution.manifest.v2+json', size: 1, digest };
    const answer = await fetch(`http://${registry.host}/v2/org/busy/manifests/${digest}`, {
      headers: { accept: manifest.mediaType },
    });
    const size = (await answer.text()).length;
    const platform = { os: 'linux', architecture: 's390x' };
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: list,
      manifests: [{ ...manifest, size, platform }],
    });
    const put = await fetch(`http://${registry.host}/v2/org/busy/manifests/far`, {
      method: 'PUT',
      body,
      headers: { 'content-type': list },
    });
    expect(put.status).toBe(201);
    const failure = images.get(named('org/busy:far'), wanting());
    await expect(failure).rejects.toMatchObject({ kind: 'malformed-payload', problem: 'platform' });
  });

  it('cannot be pulled from an unreachable registry', async () => {
    await using other = await registryProxy(registry.host);
    await other[Symbol.asyncDispose]();
    const failure = images.get(named('org/busy:1', other.host), wanting());
    await expect(failure).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'unreachable' });
  });

  it('is pulled only as long as a run needs it', async () => {
    const [one, other] = [wanting(), wanting()];
    proxy.treat = request => (request.includes('/blobs/') ? { kind: 'stall', afterBytes: 10 } : undefined);
    const [first, second] = [one, other].map(each => images.get(named('org/busy:1'), each));
    await expect.poll(() => proxy.requests.some(request => request.includes('/blobs/'))).toBe(true);
    one.stop(new Error('cancelled'));
    await expect(first).rejects.toThrow('cancelled');
    proxy.treat = () => undefined;
    other.stop(new Error('cancelled, too'));
    await expect(second).rejects.toThrow('cancelled, too');
    await using held = await images.get(named('org/busy:1'), wanting());
    expect(held.id).toBe(image.id);
  });

  it('is checked for a newer version after a time, and runs that use the old version keep it', async () => {
    const { client } = engine.docker;
    const newer = await makeImage(client);
    await registry.push(client, image.id, 'org/moving').catch(() => undefined);
    await using first = await images.get(named('org/busy:1'), wanting());
    await registry.push(client, first.id, 'org/moving');
    const eager = await openImages(engine.docker, { limits: { tagMs: 0 } });
    await using old = await eager.get(named('org/moving'), wanting());
    expect(old.id).toBe(image.id);
    await registry.push(client, newer.id, 'org/moving');
    await removeName(client, newer.name);
    await using fresh = await eager.get(named('org/moving'), wanting());
    expect(fresh.id).toBe(newer.id);
    expect(eager.store?.unused().map(({ description }) => description)).not.toContain(
      expect.stringContaining('former'),
    );
    await old[Symbol.asyncDispose]();
    expect(eager.store?.unused().map(({ description }) => description)).toContainEqual(
      expect.stringContaining('former image'),
    );

    proxy.treat = () => ({ kind: 'status', status: 503, body: {} });
    const wanted = wanting();
    await using still = await eager.get(named('org/moving'), wanted);
    expect(still.id).toBe(newer.id);
    expect(wanted.lines.at(-1)).toMatch(/using the earlier version of the image$/);
    for (const each of [first, fresh, still]) await each[Symbol.asyncDispose]();
    await removeUnused(eager);
  });
});
