import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { installed, programFor } from '../../../src/worker/unpack/decoders/programs.ts';
import {
  ARCHIVE_FORMATS,
  unpackInto,
  UnpackError,
  type ArchiveFormat,
} from '../../../src/worker/unpack/index.ts';
import { UnpackFault } from '../../../src/worker/unpack/unpack-fault.ts';
import { rarOf } from './rar-maker.ts';
import { tarOf } from './tar-maker.ts';
import { somePlace, unpackHere } from './unpacked.ts';
import { zipOf } from './zip-maker.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});
const signal = new AbortController().signal;

/** The content of the archives of fixtures/make.sh. */
const TREE = {
  link: '-> sub/a.txt',
  none: '',
  'run.sh': '#!/bin/sh\necho ran\n',
  sub: '/',
  'sub/a.txt': 'hello\n',
  'sub/empty': '/',
  'ä€.txt': 'accents\n',
};
const TIME = Date.parse('2020-02-03T04:05:06Z');

const tar = treeTar();

function treeTar(): Buffer {
  const mtime = TIME / 1000;
  return tarOf([
    { name: './', type: '5', mode: 0o755 },
    { name: './sub/', type: '5', mode: 0o755 },
    { name: './sub/empty/', type: '5', mode: 0o755 },
    { name: './sub/a.txt', content: 'hello\n', mode: 0o640, mtime },
    { name: './run.sh', content: '#!/bin/sh\necho ran\n', mode: 0o755, mtime },
    { name: './none', mtime },
    { name: './link', type: '2', target: 'sub/a.txt' },
    { name: './ä€.txt', content: 'accents\n', mtime },
  ]);
}

/** An LZ4 frame around uncompressed content. */
function plainLz4(content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE((content.length | 0x80000000) >>> 0);
  return Buffer.concat([Buffer.from('04224d18604082', 'hex'), size, content, Buffer.alloc(4)]);
}

const ARCHIVES: readonly (readonly [ArchiveFormat, Buffer])[] = [
  ['7z', fixture('tree.7z')],
  ['tar', tar],
  ['tar.br', brotliCompressSync(tar)],
  ['tar.bz2', fixture('tree.tar.bz2')],
  ['tar.gz', gzipSync(tar)],
  ['tar.lz4', plainLz4(tar)],
  ['tar.xz', fixture('tree.tar.xz')],
  ['tar.zst', zstdCompressSync(tar)],
  ['tar.zz', deflateSync(tar)],
  ['zip', fixture('tree.zip')],
];

describe.each(ARCHIVES)('%s', (format, bytes) => {
  // The library does not support such names, so a program unpacks the whole archive.
  const isThere = format !== '7z' || installed('bsdtar') !== undefined;

  it.runIf(isThere)('is unpacked with modes, times and links', async () => {
    using place = somePlace();
    const unpacked = await unpackInto(place.archive(bytes), format, place.inside, { signal });
    expect(place.tree()).toEqual(TREE);
    const found = (name: string) => lstatSync(join(place.inside, name));
    expect(found('run.sh').mode & 0o7777).toBe(0o755);
    expect(found('sub/a.txt').mode & 0o7777).toBe(0o640);
    expect(found('none').mode & 0o7777).toBe(0o644);
    // Old zip programs store only local times in even seconds. The fixture's time is exact.
    expect(found('sub/a.txt').mtimeMs).toBe(TIME);
    expect(found('run.sh').uid).toBe(process.getuid?.());
    expect(unpacked).toMatchObject({ bytes: 33, skipped: 0, skippedLines: [] });
    expect(unpacked.entries).toBeGreaterThanOrEqual(7);
  });

  it('is an error if it is truncated', async () => {
    for (const part of [0, 0.3, 0.6, 0.9]) {
      using place = somePlace();
      const cut = unpackHere(place, bytes.subarray(0, Math.floor(bytes.length * part)), format);
      await expect(cut, `${part} of it`).rejects.toMatchObject({ problem: 'damaged' });
    }
  });

  it('may not be arbitrary bytes', async () => {
    using place = somePlace();
    const noise = Buffer.from('Neither this nor that: it is only text. '.repeat(200));
    await expect(unpackHere(place, noise, format)).rejects.toMatchObject({ problem: 'damaged' });
    expect(place.tree()).toEqual({});
  });
});

describe('without any program', () => {
  it.each(['tar.bz2', 'tar.lz4', 'tar.xz'] as const)('%s is unpacked', async format => {
    process.env.PATH = '';
    using place = somePlace();
    const [, bytes = Buffer.alloc(0)] = ARCHIVES.find(([name]) => name === format) ?? [];
    await unpackInto(place.archive(bytes), format, place.inside, { signal });
    expect(place.tree()).toEqual(TREE);
  });

  it.each(['tar.lz', 'tar.mz'] as const)(
    '%s is refused, with the name of the program to install',
    async format => {
      process.env.PATH = '';
      using place = somePlace();
      const refused: unknown = await unpackInto(place.archive(tar), format, place.inside, { signal }).catch(
        (error: unknown) => error,
      );
      expect(refused).toBeInstanceOf(UnpackError);
      expect(refused).toMatchObject({ problem: 'unsupported', kind: 'malformed-payload' });
      expect((refused as Error).message).toContain(': install ');
    },
  );
});

it.runIf(programFor('lz'))('tar.lz is unpacked with an installed program', async () => {
  using place = somePlace();
  const { execa } = await import('execa');
  const { stdout } = await execa('lzip', ['-c'], { input: tar, encoding: 'buffer' });
  await unpackHere(place, Buffer.from(stdout), 'tar.lz');
  expect(place.tree()).toEqual(TREE);
});

describe('7z', () => {
  it('is unpacked without any program if all names are ASCII', async () => {
    process.env.PATH = '';
    using place = somePlace();
    const unpacked = await unpackInto(place.archive(fixture('ascii.7z')), '7z', place.inside, { signal });
    expect(place.tree()).toEqual({
      link: '-> sub/a.txt',
      'run.sh': '#!/bin/sh\necho ran\n',
      sub: '/',
      'sub/a.txt': 'hello\n',
    });
    expect(lstatSync(join(place.inside, 'run.sh')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(place.inside, 'sub/a.txt')).mode & 0o7777).toBe(0o640);
    expect(lstatSync(join(place.inside, 'sub/a.txt')).mtimeMs).toBe(TIME);
    // The archive also has a link that leads outside.
    expect(unpacked.skippedLines).toEqual([expect.stringMatching(/^"evil": it is a symbolic link/)]);
  });

  it('is refused with other names if no program is installed', async () => {
    process.env.PATH = '';
    using place = somePlace();
    await expect(unpackHere(place, fixture('tree.7z'), '7z')).rejects.toMatchObject({
      problem: 'unsupported',
      message: expect.stringContaining('has names that are not ASCII: install the program bsdtar'),
    });
  });

  it('is an error if its content is changed, except for the targets of links, which have no checksum', async () => {
    const bytes = fixture('ascii.7z');
    for (let at = 32; at < bytes.length; at += 7) {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 0x55;
      using place = somePlace();
      const found: unknown = await unpackHere(place, broken, '7z').catch((error: unknown) => error);
      if (found instanceof Error) expect(found).toBeInstanceOf(UnpackFault);
      else expect(place.tree()).toMatchObject({ 'run.sh': '#!/bin/sh\necho ran\n', 'sub/a.txt': 'hello\n' });
    }
  });
});

describe('rar', () => {
  const entries = [
    { name: 'sub', mode: 0o040755 },
    { name: 'sub/a.txt', content: 'hello\n', mode: 0o100640 },
    { name: 'run.sh', content: '#!/bin/sh\n', mode: 0o100755 },
    { name: 'link', mode: 0o120777, target: 'sub/a.txt' },
    { name: 'ä€.txt', content: 'accents\n' },
  ];
  const rar = rarOf(entries);

  it('is unpacked', async () => {
    using place = somePlace();
    await unpackInto(place.archive(rar), 'rar', place.inside, { signal });
    expect(place.tree()).toEqual({
      link: '-> sub/a.txt',
      'run.sh': '#!/bin/sh\n',
      sub: '/',
      'sub/a.txt': 'hello\n',
      'ä€.txt': 'accents\n',
    });
    expect(statSync(join(place.inside, 'run.sh')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(place.inside, 'run.sh')).mtimeMs).toBe(1e12);
  });

  it('is an error if it is truncated at any position', async () => {
    const end = rar.length - rarOf([]).length + 8;
    for (const length of [0, 5, 8, 20, 60, 90, end, rar.length - 1]) {
      using place = somePlace();
      await expect(unpackHere(place, rar.subarray(0, length), 'rar'), `${length}`).rejects.toMatchObject({
        problem: 'damaged',
      });
    }
    using place = somePlace();
    await expect(unpackHere(place, rarOf(entries, { end: false }), 'rar')).rejects.toThrow('truncated');
  });

  it('of several volumes is refused', async () => {
    using place = somePlace();
    await expect(unpackHere(place, rarOf(entries, { archiveFlags: 1 }), 'rar')).rejects.toMatchObject({
      problem: 'unsupported',
    });
  });

  it('that is malicious is as harmless as other formats', async () => {
    for (const name of ['../outside/x', 'a/../../outside/x']) {
      using place = somePlace();
      await expect(unpackHere(place, rarOf([{ name, content: 'x' }]), 'rar')).rejects.toMatchObject({
        problem: 'unsafe',
      });
    }
    using place = somePlace();
    const { skippedLines } = await unpackHere(
      place,
      rarOf([{ name: 'out', mode: 0o120777, target: '../outside' }]),
      'rar',
    );
    expect(skippedLines).toHaveLength(1);
    expect(place.tree()).toEqual({});
  });
});

describe('zip', () => {
  it('may have uncompressed content, or content with a method of its own', async () => {
    using place = somePlace();
    const text = 'as it is '.repeat(200_000);
    const archive = zipOf([
      { name: 'stored', content: text, method: 0 },
      { name: 'deflated', content: text },
      { name: 'zstd', content: text, method: 93, body: zstdCompressSync(text) },
      { name: 'no-modes/' },
      { name: 'dos', attributes: 0x10 },
      { name: 'dos/file' },
    ]);
    await unpackHere(place, archive, 'zip');
    expect(place.tree()).toEqual({
      stored: text,
      deflated: text,
      zstd: text,
      'no-modes': '/',
      dos: '/',
      'dos/file': '',
    });
  });

  it.each([
    ['a wrong checksum', { checksum: 1 }, 'damaged', 'its checksum is wrong'],
    ['more content than announced', { size: 3 }, 'damaged', 'it is longer than the archive says'],
    ['less content than announced', { size: 300 }, 'damaged', 'shorter than the archive says'],
    ['a password', { flags: 0x801 }, 'unsupported', 'encrypted'],
    ['an unknown method', { method: 99, body: Buffer.from('x') }, 'unsupported', 'method 99'],
  ])('with %s is an error', async (_what, lies, problem, words) => {
    using place = somePlace();
    const found = unpackHere(place, zipOf([{ name: 'a', content: 'content', ...lies }]), 'zip');
    await expect(found).rejects.toMatchObject({ problem, message: expect.stringContaining(words) });
  });

  it('made on Windows may have backslashes', async () => {
    using place = somePlace();
    await unpackHere(place, zipOf([{ name: 'sub\\a.txt', content: 'hello' }]), 'zip');
    expect(place.tree()).toEqual({ sub: '/', 'sub/a.txt': 'hello' });
  });
});

describe('existing content of the folder', () => {
  it('is kept, or replaced if the archive has an entry of the same name', async () => {
    using place = somePlace();
    mkdirSync(join(place.inside, 'sub'), { mode: 0o700 });
    writeFileSync(join(place.inside, 'sub', 'mine'), 'stays');
    writeFileSync(join(place.inside, 'none'), 'is replaced');
    mkdirSync(join(place.inside, 'link'));
    await unpackHere(place, tar);
    expect(place.tree()).toEqual({ ...TREE, 'sub/mine': 'stays' });
  });

  it('may include links that lead outside, which are not followed', async () => {
    using place = somePlace();
    symlinkSync('../outside', join(place.inside, 'sub'));
    symlinkSync('../outside/secret', join(place.inside, 'none'));
    await unpackHere(place, tar);
    expect(place.tree()).toEqual(TREE);
  });
});

it('an open file is read, and left open', async () => {
  using place = somePlace();
  await using handle = await open(place.archive(tar));
  await unpackInto(handle, 'tar', place.inside, { signal });
  expect(place.tree()).toEqual(TREE);
  expect((await handle.stat()).size).toBe(tar.length);
});

it('all formats of generic-worker are supported', () => {
  const compressions = ['br', 'bz2', 'gz', 'lz', 'lz4', 'mz', 'sz', 'xz', 'zst', 'zz'];
  expect([...ARCHIVE_FORMATS].sort()).toEqual(
    ['7z', 'rar', 'tar', 'zip', ...compressions.map(name => `tar.${name}`)].sort(),
  );
});
