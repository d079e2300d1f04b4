import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decoded, decodedHere } from '../../../src/worker/unpack/decoders/decoded.ts';
import { programFor } from '../../../src/worker/unpack/decoders/programs.ts';
import {
  COMPRESSIONS,
  decompressed,
  UnpackError,
  type Compression,
} from '../../../src/worker/unpack/index.ts';
import { sampleText } from './sample.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const text = sampleText();

/** The sample in each format with a fixture or a compressor. */
const CONTENTS: readonly (readonly [Compression, string, Buffer])[] = [
  ['br', 'brotli', brotliCompressSync(text)],
  ['bz2', 'several blocks', fixture('sample.bz2')],
  ['gz', 'gzip', gzipSync(text)],
  ['lz', 'lzip', fixture('sample.lz')],
  ['lz4', 'blocks that refer to others', fixture('sample.lz4')],
  ['lz4', 'all checksums', fixture('sample-checksums.lz4')],
  ['lz4', 'the legacy form', fixture('sample-legacy.lz4')],
  ['sz', 'snappy', fixture('sample.sz')],
  ['xz', 'xz', fixture('sample.xz')],
  ['zst', 'zstd', zstdCompressSync(text)],
  ['zz', 'zlib', deflateSync(text)],
];

const path = process.env.PATH;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcw-decompressed-'));
});
afterEach(() => {
  process.env.PATH = path;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;
const fileOf = (bytes: Buffer) => {
  const file = join(folder, 'content');
  writeFileSync(file, bytes);
  return file;
};
const contentOf = async (bytes: Buffer, format: Compression) =>
  (await buffer(decompressed(fileOf(bytes), format, { signal: never }))).toString();

/** A decoder's output for content in pieces of one size. */
async function decode(decoder: typeof decoded, format: Compression, bytes: Buffer, pieceBytes = 10_000) {
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  const chunks: Buffer[] = [];
  for await (const chunk of decoder(format, pieces())) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The positions of chunk types in framed snappy. No checksum covers them, and chunks of some types must be skipped. */
function typesOfChunks(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUIntLE(at + 1, 3)) found.push(at);
  return found;
}

describe.each(CONTENTS)('%s, %s', (format, what, bytes) => {
  const needsProgram = format === 'lz';
  // If a format has no end marker, some truncated files are valid but shorter.
  const hasNoEnd = format === 'sz' || what === 'the legacy form';
  const isThere = !needsProgram || programFor(format) !== undefined;

  it.runIf(isThere)('is decompressed', async () => {
    expect((await contentOf(bytes, format)) === text).toBe(true);
  });

  it.runIf(!needsProgram)('is decompressed without any installed program', async () => {
    process.env.PATH = '';
    expect((await contentOf(bytes, format)) === text).toBe(true);
  });

  const way = needsProgram || ['br', 'gz', 'zst', 'zz'].includes(format) ? decoded : decodedHere;
  const ways = way === decoded ? [decoded] : [decodedHere, decoded];

  it.runIf(isThere && format !== 'br' && format !== 'zz')('may consist of several members', async () => {
    for (const decoder of ways) {
      const twice = await decode(decoder, format, Buffer.concat([bytes, bytes]));
      expect(twice === text + text).toBe(true);
    }
  });

  it.runIf(isThere)('may arrive in pieces of any size', async () => {
    for (const size of [1, 7, 4096]) {
      const short = size === 1 ? 20_000 : bytes.length;
      const piece = Math.max(size, Math.ceil(bytes.length / short));
      expect((await decode(way, format, bytes, piece)) === text).toBe(true);
    }
  });

  it.runIf(isThere)('is an error if it is truncated', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async length => {
        for (const decoder of ways) {
          const cut = decode(decoder, format, bytes.subarray(0, length));
          if (hasNoEnd) {
            const found = await cut.catch((error: unknown) => error);
            if (typeof found === 'string') expect(text.startsWith(found)).toBe(true);
          } else {
            await expect(cut).rejects.toMatchObject({ name: 'UnpackFault', problem: 'damaged' });
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it.runIf(isThere)('is never wrong without an error if its checksum covers it', async () => {
    const isChecked = ['bz2', 'gz', 'lz', 'sz', 'xz', 'zz'].includes(format) || what === 'all checksums';
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const broken = Buffer.from(bytes);
          broken[at] = (broken[at] ?? 0) ^ change;
          for (const decoder of ways) {
            const found = await decode(decoder, format, broken).catch((error: unknown) => error);
            const isCovered = isChecked && !(format === 'sz' && typesOfChunks(bytes).includes(at));
            if (typeof found === 'string') expect(isCovered && found !== text).toBe(false);
            else expect(found).toMatchObject({ name: 'UnpackFault' });
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it.runIf(isThere)('may not be followed by anything', async () => {
    const found = decode(way, format, Buffer.concat([bytes, Buffer.from('and more of it')]));
    await expect(found).rejects.toMatchObject({ problem: 'damaged' });
  });

  it.runIf(isThere)('may not be arbitrary bytes', async () => {
    const noise = Buffer.from('Neither this nor that: it is only text. '.repeat(20));
    for (const decoder of ways) {
      await expect(decode(decoder, format, noise)).rejects.toMatchObject({ problem: 'damaged' });
      await expect(decode(decoder, format, Buffer.alloc(0))).rejects.toMatchObject({ problem: 'damaged' });
    }
  });
});

it('names the missing program for a format that needs one', async () => {
  process.env.PATH = '';
  for (const format of ['lz', 'mz'] as const) {
    const error: unknown = await contentOf(Buffer.from('x'), format).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnpackError);
    expect(error).toMatchObject({ problem: 'unsupported', kind: 'malformed-payload' });
    expect((error as Error).message).toMatch(
      new RegExp(
        `cannot decompress the format ${format}: install .*\\b${format === 'lz' ? 'lzip' : 'mz'}\\b`,
      ),
    );
  }
});

it('says for which xz content a program is needed', async () => {
  const bytes = fixture('sample-sha256.xz');
  await expect(decode(decodedHere, 'xz', bytes)).rejects.toThrow(
    /a checksum: the worker needs the program xz/,
  );
  if (programFor('xz')) expect((await decode(decoded, 'xz', bytes)) === text).toBe(true);
});

it('uses no program from the current folder', () => {
  writeFileSync(join(folder, 'xz'), '#!/bin/sh\n', { mode: 0o755 });
  const here = process.cwd();
  process.chdir(folder);
  try {
    expect(programFor('xz', '.:')).toBeUndefined();
    expect(programFor('xz', `:${folder}`)?.[0]).toBe(join(folder, 'xz'));
  } finally {
    process.chdir(here);
  }
});

it.each(['gz', 'sz'] as const)('reads an open file from its start, and leaves it open: %s', async format => {
  const [, , bytes] = CONTENTS.find(([name]) => name === format) ?? CONTENTS[0] ?? [];
  await using handle = await open(fileOf(bytes ?? Buffer.alloc(0)));
  await handle.read(Buffer.alloc(10), 0, 10, null);
  const first = await buffer(decompressed(handle, format, { signal: never }));
  const second = await buffer(decompressed(handle, format, { signal: never }));
  expect(first.equals(second)).toBe(true);
  expect(first.toString() === text).toBe(true);
});

describe('stopping', () => {
  /** Formats in which a small file can expand to terabytes. */
  const bombs = (['gz', 'sz', 'bz2'] as const).filter(format => format !== 'bz2' || programFor('bz2'));

  it.each(bombs)('ends the decompression in the middle: %s', async format => {
    const [, , bytes = Buffer.alloc(0)] = CONTENTS.find(([name]) => name === format) ?? [];
    const stop = new AbortController();
    const stream = decompressed(fileOf(Buffer.concat(Array.from({ length: 100 }, () => bytes))), format, {
      signal: stop.signal,
    });
    let length = 0;
    const reading = (async () => {
      for await (const chunk of stream) {
        length += (chunk as Buffer).length;
        stop.abort(new Error('stopped by the test'));
      }
    })();
    await expect(reading).rejects.toThrow('stopped by the test');
    expect(length).toBeLessThan(text.length * 100);
  });

  it('before the start prevents it', async () => {
    const signal = AbortSignal.abort(new Error('stopped by the test'));
    await expect(buffer(decompressed(join(folder, 'none'), 'gz', { signal }))).rejects.toThrow('stopped by');
  });

  it('works for content that has no output for a long time', async () => {
    // Each member is empty.
    const file = fileOf(Buffer.concat(Array<Buffer>(200_000).fill(gzipSync(''))));
    const stop = new AbortController();
    const reading = buffer(decompressed(file, 'gz', { signal: stop.signal }));
    setTimeout(() => {
      stop.abort(new Error('stopped by the test'));
    }, 10);
    await expect(reading).rejects.toThrow('stopped by the test');
  });

  it('is not necessary if the reader stops', async () => {
    for (const format of bombs) {
      const [, , bytes = Buffer.alloc(0)] = CONTENTS.find(([name]) => name === format) ?? [];
      const file = fileOf(Buffer.concat(Array.from({ length: 50 }, () => bytes)));
      const stream = decompressed(file, format, { signal: never });
      for await (const chunk of stream) {
        expect((chunk as Buffer).length).toBeGreaterThan(0);
        break;
      }
      expect(stream.destroyed).toBe(true);
    }
  });
});

it('passes errors of the system on', async () => {
  await expect(buffer(decompressed(join(folder, 'none'), 'gz', { signal: never }))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

it('supports all formats of generic-worker', () => {
  expect([...COMPRESSIONS].sort()).toEqual(['br', 'bz2', 'gz', 'lz', 'lz4', 'mz', 'sz', 'xz', 'zst', 'zz']);
});
