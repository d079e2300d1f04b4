import { execa } from 'execa';
import { Readable } from 'node:stream';
import { xxHash32 } from '../../src/worker/unpack/decoders/checksums.ts';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageSource } from '../../src/worker/engines/container.ts';
import { inspectImage, removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import type { DockerImages } from '../../src/worker/engines/docker/images/index.ts';
import { makeImage, testName, type TestImage } from '../harness/docker/images.ts';
import { tarOf, type TarEntry } from '../worker/unpack/tar-maker.ts';
import {
  engineOfTests,
  namesIn,
  openImages,
  removeOurs,
  removeUnused,
  saved,
  wanting,
} from './images-of-tests.ts';

describe('an image in an archive', () => {
  const engine = engineOfTests();
  let image: TestImage;
  let archive: Buffer;
  let images: DockerImages;

  beforeAll(async () => {
    image = await makeImage(engine.docker.client);
    archive = await saved(engine.docker, image.name);
    await removeName(engine.docker.client, image.name);
  });
  beforeEach(async () => {
    images = await openImages(engine.docker);
  });
  afterEach(async () => {
    await images[Symbol.asyncDispose]();
    await removeOurs(engine.docker);
  });

  const compressions: readonly (readonly [string, (tar: Buffer) => Buffer | Promise<Buffer>])[] = [
    ['no compression', tar => tar],
    ['gz', tar => gzipSync(tar)],
    ['zst', tar => zstdCompressSync(tar)],
    ['lz4', plainLz4],
    ['bz2', tar => by('bzip2', tar)],
    ['xz', tar => by('xz', tar)],
  ];

  it.each(compressions)('is loaded: %s', async (_name, compress) => {
    const wanted = wanting();
    await using held = await images.get(archived(await compress(archive)), wanted);
    expect({ id: held.id, isCached: held.isCached }).toEqual({ id: image.id, isCached: false });
    expect(wanted.lines.at(-1)).toBe(`Loaded image the archive: ${image.id}`);
  });

  it('is loaded once per key, and found in the engine by this worker and later ones', async () => {
    let count = 0;
    const source = {
      ...archived(archive),
      key: testName(),
      open: async () => (count++, Readable.from([archive])),
    };
    const all = await Promise.all([images.get(source, wanting()), images.get(source, wanting())]);
    expect(all.map(({ id }) => id)).toEqual([image.id, image.id]);
    expect(count).toBe(1);
    for (const each of all) await each[Symbol.asyncDispose]();
    await images[Symbol.asyncDispose]();

    const later = await openImages(engine.docker);
    await using again = await later.get(source, wanting());
    expect(again).toMatchObject({ id: image.id, isCached: true });
    expect(count).toBe(1);

    // Somebody tidies up by hand.
    for (const name of (await namesIn(engine.docker)).ours) await removeName(engine.docker.client, name);
    await using anew = await later.get(source, wanting());
    expect(anew).toMatchObject({ id: image.id, isCached: false });
    expect(count).toBe(2);
  });

  it('does not replace an image of the same name in the engine', async () => {
    const { client } = engine.docker;
    const victim = await makeImage(client, { name: image.name });
    expect(victim.id).not.toBe(image.id);
    await using held = await images.get(archived(archive), wanting());
    expect(held.id).toBe(image.id);
    expect((await inspectImage(client, image.name))?.id).toBe(victim.id);
    await removeName(client, image.name);
  });

  it('must be the only one in its archive, and have exactly one tag', async () => {
    const { client } = engine.docker;
    const [one, other] = [await makeImage(client), await makeImage(client)];
    await client.json({
      method: 'POST',
      path: `/images/${one.id}/tag`,
      query: { repo: testName(), tag: 'second' },
    });
    const second = (await namesIn(engine.docker)).others.find(name => name.endsWith(':second')) ?? '';
    await refused(await saved(engine.docker, one.name, other.name), /has 2 images \(.*\), but must have one/);
    await refused(
      await saved(engine.docker, one.name, second),
      /has an image with 2 tags \(.*\): save it by one of them/,
    );
    await refused(
      await saved(engine.docker, one.id),
      /has an image without a tag: save it by its name and tag, not by its id/,
    );
    for (const name of [one.name, second, other.name]) await removeName(client, name);
  });

  const manifest = (content: unknown): TarEntry => ({
    name: 'manifest.json',
    content: JSON.stringify(content),
  });
  const one = { Config: 'config.json', RepoTags: ['a:1'], Layers: [] };
  const archives: readonly (readonly [string, () => Buffer, RegExp])[] = [
    [
      'an OCI layout',
      () =>
        tarOf([
          { name: 'oci-layout', content: '{}' },
          { name: 'index.json', content: '{}' },
        ]),
      /is an OCI layout/,
    ],
    [
      'any tar archive',
      () => tarOf([{ name: 'README' }]),
      /was not written by docker save: it has no manifest\.json$/,
    ],
    ['no image', () => tarOf([manifest([])]), /contains no image/],
    [
      'a manifest that is not JSON',
      () => tarOf([{ name: 'manifest.json', content: '[' }]),
      /manifest\.json is not JSON/,
    ],
    [
      'a manifest of nothing',
      () => tarOf([manifest([null])]),
      /manifest\.json is not in the format of docker save/,
    ],
    [
      'a manifest of numbers',
      () => tarOf([manifest([{ ...one, RepoTags: [5] }])]),
      /is not in the format of docker save/,
    ],
    ['a missing configuration', () => tarOf([manifest([one])]), /the engine cannot load the archive/],
    ['a cut archive', () => archive.subarray(0, archive.length / 2), /contains no image/],
    ['a cut compressed archive', () => gzipSync(archive).subarray(0, 100_000), /contains no image/],
    ['a damaged compressed archive', () => damaged(gzipSync(archive)), /contains no image/],
    ['a layer that is not what the image says', () => damaged(archive), /the engine cannot load the archive/],
    ['nothing', () => Buffer.alloc(0), /contains no image/],
    ['no archive', () => Buffer.from('no archive at all'.repeat(1_000)), /contains no image/],
  ];
  it.each(archives)('is refused in an invalid archive: %s', (_name, content, message) =>
    refused(content(), message),
  );

  const ours = 'images.tcw.invalid/tag/docker.io/library/busybox:1';
  const evil = JSON.stringify([{ ...one, RepoTags: [ours] }]);
  const tricks: readonly (readonly [string, readonly TarEntry[]])[] = [
    ['two manifests', [manifest([one]), manifest([one])]],
    ['a manifest by another spelling', [manifest([one]), { name: './x/../manifest.json', content: evil }]],
    [
      'a manifest behind a link',
      [manifest([one]), { name: 'x', type: '2', target: '.' }, { name: 'x/manifest.json', content: evil }],
    ],
    [
      'a file behind a link',
      [manifest([one]), { name: 'x', type: '2', target: '.' }, { name: 'x/file', content: evil }],
    ],
    [
      'a manifest that is a link',
      [
        { name: 'real', content: evil },
        { name: 'manifest.json', type: '2', target: 'real' },
      ],
    ],
    [
      'a manifest with an extended name',
      [manifest([one]), { name: 'x', pax: { path: 'manifest.json' }, content: evil }],
    ],
    ['a name that leads outside', [manifest([one]), { name: '../x', content: evil }]],
    ['an absolute name', [manifest([one]), { name: '/manifest.json', content: evil }]],
    ['a device', [manifest([one]), { name: 'x', type: '3' }]],
  ];
  it.each(tricks)('cannot take the name of another image: %s', async (_name, entries) => {
    await refused(tarOf(entries), /contains no image: /);
    expect(await inspectImage(engine.docker.client, ours)).toBeUndefined();
  });

  it('is named by the worker only, whatever the other files contain', async () => {
    const { client } = engine.docker;
    const index = { name: 'repositories', content: JSON.stringify({ [ours.slice(0, -2)]: { 1: 'x' } }) };
    const both = Buffer.concat([tarOf([index, { name: 'oci-layout', content: '{}' }], false), archive]);
    await using held = await images.get(archived(both), wanting());
    expect(held.id).toBe(image.id);
    expect(await inspectImage(client, ours)).toBeUndefined();
  });

  it('fails with the error of its stream, and is no longer loaded when no run needs it', async () => {
    const broken = Readable.from(
      (async function* () {
        yield archive.subarray(0, 1_000_000);
        throw new Error('the disk is broken');
      })(),
    );
    await expect(images.get({ ...archived(archive), open: async () => broken }, wanting())).rejects.toThrow(
      'the disk is broken',
    );

    const wanted = wanting();
    const endless = new Readable({ read: () => undefined });
    endless.push(archive.subarray(0, 1_000_000));
    let isOpened = false;
    const open = async () => {
      isOpened = true;
      return endless;
    };
    const isOver = expect(images.get({ ...archived(archive), open }, wanted)).rejects.toThrow('cancelled');
    await expect.poll(() => isOpened).toBe(true);
    wanted.stop(new Error('cancelled'));
    await isOver;
    await expect.poll(() => endless.destroyed).toBe(true);
  });

  it('is abandoned when its stream stalls', async () => {
    const impatient = await openImages(engine.docker, { limits: { stallMs: 500 } });
    const stuck = new Readable({ read: () => undefined });
    const failure = impatient.get({ ...archived(archive), open: async () => stuck }, wanting());
    await expect(failure).rejects.toMatchObject({ kind: 'resource-unavailable', problem: 'slow' });
  });

  it('is not loaded if it would fill the disk', async () => {
    const full = await openImages(engine.docker, { limits: { reserveBytes: 2 ** 60 } });
    await expect(full.get(archived(zstdCompressSync(archive)), wanting())).rejects.toMatchObject({
      kind: 'resource-unavailable',
      message: expect.stringContaining('out of disk space') as string,
    });
  });

  it('is removed when it is unused and its space is needed', async () => {
    const held = await images.get(archived(archive), wanting());
    expect(images.store?.unused()).toEqual([]);
    await held[Symbol.asyncDispose]();
    expect(await removeUnused(images)).toEqual([
      expect.stringMatching(/^image of the archive [0-9a-f]{12}$/),
    ]);
    expect(await inspectImage(engine.docker.client, image.id)).toBeUndefined();
  });

  /** An archive that no test has had before. */
  function archived(content: Buffer): Extract<ImageSource, { kind: 'archive' }> {
    return {
      kind: 'archive',
      name: 'the archive',
      key: testName(),
      open: async () => Readable.from(chunks(content)),
    };
  }

  async function refused(content: Buffer, message: RegExp): Promise<void> {
    const failure = images.get(archived(content), wanting());
    await expect(failure).rejects.toMatchObject({
      kind: 'malformed-payload',
      message: expect.stringMatching(message) as string,
    });
    expect((await namesIn(engine.docker)).ours).toEqual([]);
  }
});

function* chunks(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

async function by(program: string, input: Buffer): Promise<Buffer> {
  const { stdout } = await execa(program, ['--stdout'], { input, encoding: 'buffer' });
  return Buffer.from(stdout);
}

function damaged(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  const middle = Math.floor(copy.length / 2);
  copy.fill(0x55, middle, middle + 1_000);
  return copy;
}

/** LZ4 frames without any compression: blocks of 4 MB at most. */
function plainLz4(content: Buffer): Buffer {
  const frame = Buffer.from([0x04, 0x22, 0x4d, 0x18]);
  const descriptor = Buffer.from([0x60, 0x70]);
  const check = Buffer.from([(xxHash32(descriptor) >>> 8) & 0xff]);
  const blocks: Buffer[] = [];
  for (let at = 0; at < content.length; at += 4_000_000) {
    const block = content.subarray(at, at + 4_000_000);
    const size = Buffer.alloc(4);
    size.writeUInt32LE((block.length | 0x80000000) >>> 0);
    blocks.push(size, block);
  }
  return Buffer.concat([frame, descriptor, check, ...blocks, Buffer.alloc(4)]);
}
