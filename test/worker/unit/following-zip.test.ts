import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { followingZip } from '../../../src/worker/files/following-zip.ts';
import { gzipMember } from '../../../src/worker/files/gzip-member.ts';
import { namelessFile } from '../../../src/worker/files/new-file.ts';

const { signal } = new AbortController();

/** An empty file, and a zip that follows it. */
async function start() {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-zip-'));
  const file = await open(join(folder, 'log'), 'wx+');
  const zip = followingZip(file, () => namelessFile(join(folder, 'zip')));
  onTestFinished(async () => {
    await zip.close();
    await file.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { file, zip };
}

async function contentOf(zip: FileHandle): Promise<Buffer> {
  const { size } = await zip.stat();
  const { buffer } = await zip.read(Buffer.alloc(size), 0, size, 0);
  return gunzipSync(buffer);
}

/** Compresses in memory to one gzip member. */
async function member(content: Buffer): Promise<Buffer> {
  const written: Buffer[] = [];
  let at = 0;
  const read = async (buffer: Buffer) => {
    const copied = content.copy(buffer, 0, at);
    at += copied;
    return copied;
  };
  const write = async (bytes: Buffer) => void written.push(Buffer.from(bytes));
  await gzipMember(read, write, { signal });
  return Buffer.concat(written);
}

describe('a gzip member that several threads compress', () => {
  const blocks = [0, 1, 131_071, 131_072, 131_073, 3_000_000];
  it.each(blocks)('is read like any other, with nothing after it: %i bytes', async length => {
    for (const content of [randomBytes(length), Buffer.alloc(length, 'line of a log\n')]) {
      const zip = await member(content);
      expect(gunzipSync(zip).equals(content)).toBe(true);
      // A reader that stops after the first member would see less.
      expect(gunzipSync(zip, { maxOutputLength: Math.max(1, length) }).length).toBe(length);
      expect(zip.readUInt32LE(zip.length - 4)).toBe(length);
    }
  });

  it('has the same content after decompression, for any content', async () => {
    const parts = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(40_000)));
    await fc.assert(
      fc.asyncProperty(parts, async repeated => {
        const content = Buffer.concat(
          repeated.map(([bytes, times]) => Buffer.alloc(Math.min(times * bytes.length, 600_000), bytes)),
        );
        expect(gunzipSync(await member(content)).equals(content)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a file that is compressed while it is written', () => {
  it('is complete as soon as the file is', async () => {
    const { file, zip } = await start();
    const written: Buffer[] = [];
    let size = 0;
    for (let piece = 0; piece < 60; piece++) {
      const bytes = Buffer.concat([randomBytes(50_000), Buffer.alloc(30_000 + piece, 'x')]);
      await file.write(bytes, 0, bytes.length, size);
      size += bytes.length;
      written.push(bytes);
      zip.grown(size);
    }
    const done = await zip.finish(size);
    expect(done).toBeDefined();
    expect((await contentOf(done!)).equals(Buffer.concat(written))).toBe(true);
  });

  it('is compressed only at its end if it is short', async () => {
    const { file, zip } = await start();
    await file.write('short');
    zip.grown(5);
    expect(await zip.finish(5)).toBeUndefined();
  });

  it('is dropped without an error if there is no space for it', async () => {
    const { file } = await start();
    const zip = followingZip(file, () => Promise.reject(new Error('ENOSPC')));
    await file.write(Buffer.alloc(3_000_000));
    zip.grown(3_000_000);
    expect(await zip.finish(3_000_000)).toBeUndefined();
    await zip.close();
  });

  it('is not returned after it was closed', async () => {
    const { file, zip } = await start();
    await file.write(Buffer.alloc(3_000_000));
    zip.grown(3_000_000);
    await zip.close();
    expect(await zip.finish(3_000_000)).toBeUndefined();
  });
});
