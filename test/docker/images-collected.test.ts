import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageSource } from '../../src/worker/engines/container.ts';
import { inspectImage, removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import type { DockerImages } from '../../src/worker/engines/docker/images/index.ts';
import type { WorkerEvent } from '../../src/worker/events.ts';
import { diskCollector } from '../../src/worker/stores/index.ts';
import { makeImage, testName } from '../harness/docker/images.ts';
import { startRegistry } from '../harness/docker/registry.ts';
import { engineOfTests, namesIn, openImages, removeOurs, saved, wanting } from './images-of-tests.ts';

describe('unused images', () => {
  const engine = engineOfTests();
  let images: DockerImages;

  beforeEach(async () => {
    images = await openImages(engine.docker);
  });
  afterEach(async () => {
    await images[Symbol.asyncDispose]();
    await removeOurs(engine.docker);
  });

  it('are removed when the disk is full, oldest first, and only as many as necessary', async () => {
    const sources = [await archived(), await archived(), await archived()];
    const ids: string[] = [];
    for (const source of sources) ids.push(await useOnce(images, source));
    // The first is now the one that was used last.
    await useOnce(images, sources[0]);

    const events: WorkerEvent[] = [];
    const free = () => (events.length < 1 ? 0 : 1_000);
    const collector = diskCollector({
      tasksDir: '/',
      requiredBytes: 500,
      emit: event => void events.push(event),
      measure: async folder => ({ folder, device: 1, freeBytes: free(), totalBytes: 10_000 }),
    });
    if (images.store) collector.add(images.store);
    expect(await collector.makeRoom()).toBe(true);
    expect(events.map(({ type }) => type)).toEqual(['store-entry-removed']);
    expect(await thereOf(ids)).toEqual([true, false, true]);
  });

  it('are known to a later worker, with their sizes and times of last use', async () => {
    const [older, newer] = [await archived(), await archived()];
    await useOnce(images, newer);
    await useOnce(images, older);
    await useOnce(images, newer);
    await images[Symbol.asyncDispose]();
    const known = images.store?.unused() ?? [];

    const later = await openImages(engine.docker);
    const found = later.store?.unused() ?? [];
    const byAge = (all: typeof found) =>
      all.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs).map(({ description }) => description);
    expect(byAge(found)).toEqual(byAge(known));
    expect(found).toHaveLength(2);
    for (const { bytes } of found) expect(bytes).toBeGreaterThan(1_000_000);
  });

  it('are removed only if the worker has pulled or loaded them', async () => {
    const { client } = engine.docker;
    const foreign = await makeImage(client);
    await using held = await images.get({ kind: 'named', name: foreign.name }, wanting());
    expect(held).toMatchObject({ id: foreign.id, isCached: true });
    await held[Symbol.asyncDispose]();
    expect(images.store?.unused()).toEqual([]);

    // Also when the worker has brought the same image: only its own name for it goes.
    const archive = await saved(engine.docker, foreign.name);
    await useOnce(images, {
      kind: 'archive',
      name: 'a',
      key: testName(),
      open: async () => Readable.from([archive]),
    });
    const unused = images.store?.unused() ?? [];
    expect(unused).toHaveLength(1);
    for (const each of unused) expect(await each.remove()).toBe(true);
    expect(await namesIn(engine.docker)).toMatchObject({ ours: [] });
    expect((await inspectImage(client, foreign.name))?.id).toBe(foreign.id);
    await removeName(client, foreign.name);
  });

  it('are not removed if another container was created from them', async () => {
    const { client } = engine.docker;
    const id = await useOnce(images, await archived());
    const { Id } = await client.json<{ Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: { Image: id, Cmd: ['true'] },
    });
    const [unused] = images.store?.unused() ?? [];
    expect(await unused?.remove()).toBe(false);
    expect(await thereOf([id])).toEqual([true]);
    await client.json({ method: 'DELETE', path: `/containers/${Id}` });
    expect(await unused?.remove()).toBe(true);
    expect(await thereOf([id])).toEqual([false]);
  });

  it('are not removed if a run starts to use them meanwhile', async () => {
    const source = await archived();
    const id = await useOnce(images, source);
    const [unused] = images.store?.unused() ?? [];
    const [removed, held] = await Promise.all([unused?.remove(), images.get(source, wanting())]);
    expect(removed).toBe(true);
    expect(held).toMatchObject({ id, isCached: false });
    expect(await thereOf([id])).toEqual([true]);
    const [other, again] = await Promise.all([images.get(source, wanting()), unused?.remove()]);
    expect({ id: other.id, again }).toEqual({ id, again: false });
    for (const each of [held, other]) await each[Symbol.asyncDispose]();
  });

  it('leave nothing behind in the engine if they were pulled', async () => {
    const { client } = engine.docker;
    await using registry = await startRegistry();
    const image = await makeImage(client);
    const { name, digest } = await registry.push(client, image.id, 'org/gone:1');
    await removeName(client, image.name);
    const before = await namesIn(engine.docker);
    await useOnce(images, { kind: 'named', name });
    await useOnce(images, { kind: 'named', name: `${registry.host}/org/gone@${digest}` });
    const unused = images.store?.unused() ?? [];
    expect(unused.map(({ description }) => description).sort()).toEqual([
      `image ${registry.host}/org/gone:1`,
      `image ${registry.host}/org/gone@${digest.slice(7, 19)}`,
    ]);
    for (const each of unused) expect(await each.remove()).toBe(true);
    expect(await thereOf([image.id])).toEqual([false]);
    expect(await namesIn(engine.docker)).toEqual(before);
  });

  async function archived(): Promise<ImageSource> {
    const image = await makeImage(engine.docker.client);
    const archive = await saved(engine.docker, image.name);
    await removeName(engine.docker.client, image.name);
    return {
      kind: 'archive',
      name: 'the archive',
      key: testName(),
      open: async () => Readable.from([archive]),
    };
  }

  async function useOnce(from: DockerImages, source: ImageSource | undefined): Promise<string> {
    if (!source) throw new Error('there is no source');
    await using held = await from.get(source, wanting());
    return held.id;
  }

  function thereOf(ids: readonly string[]): Promise<boolean[]> {
    return Promise.all(ids.map(async id => (await inspectImage(engine.docker.client, id)) !== undefined));
  }
});
