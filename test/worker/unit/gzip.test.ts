import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import { gzipped } from '../../../src/worker/files/gzip.ts';
import { namelessFile } from '../../../src/worker/files/new-file.ts';

const { signal } = new AbortController();

/** A file with this content, and a function that makes another file beside it. */
async function start(content: Buffer) {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-gzip-'));
  const source = await open(join(folder, 'file'), 'wx+');
  onTestFinished(async () => {
    await source.close();
    await rm(folder, { recursive: true, force: true });
  });
  await source.writeFile(content);
  const made: FileHandle[] = [];
  const newTarget = async () => {
    const target = await namelessFile(join(folder, 'file'));
    made.push(target);
    return target;
  };
  return { folder, source, made, newTarget };
}

function streamOf(content: Buffer, pieceBytes: number): StreamSource {
  function* pieces() {
    for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
  }
  return { open: async () => Readable.from(pieces()), close: async () => undefined };
}

const isClosed = (handle: FileHandle) => handle.fd === -1;

describe('a file that is compressed', () => {
  it('has the same content when it is decompressed, and is in a file without a name', async () => {
    const content = Buffer.concat([randomBytes(2_000_000), Buffer.alloc(2_000_000), randomBytes(700_001)]);
    const { folder, source, made, newTarget } = await start(content);
    const upload = await gzipped(source, newTarget, { signal });
    expect(upload).toMatchObject({ content: made[0], contentEncoding: 'gzip' });
    const { size = 0 } = (await made[0]?.stat()) ?? {};
    const { buffer } = (await made[0]?.read(Buffer.alloc(size), 0, size, 0)) ?? {};
    expect(gunzipSync(buffer ?? '').equals(content)).toBe(true);
    expect(await readdir(folder)).toEqual(['file']);
    await upload[Symbol.asyncDispose]();
    expect(made.map(isClosed)).toEqual([true]);
    expect(isClosed(source)).toBe(false);
  });

  it.runIf(existsSync('/dev/full'))(
    'is uploaded uncompressed if there is no space for another file',
    async () => {
      const { source } = await start(randomBytes(300_000));
      const full = await open('/dev/full', 'r+');
      const upload = await gzipped(source, () => Promise.resolve(full), { signal });
      expect(upload).toMatchObject({ content: source, contentEncoding: 'identity' });
      await upload[Symbol.asyncDispose]();
      expect([full, source].map(isClosed)).toEqual([true, false]);
    },
  );

  it.each([5, 1_000, 128 * 1024, 500_001])(
    'may be a stream with pieces of any length: %i bytes',
    async pieceBytes => {
      const content = Buffer.concat([randomBytes(100_000), Buffer.alloc(300_000, 'text'), randomBytes(7)]);
      const { made, newTarget } = await start(Buffer.alloc(0));
      const pieces: Buffer[] = [];
      const { content: compressed, size } = await gzipped(streamOf(content, pieceBytes), newTarget, {
        size: content.length,
        signal,
        onPiece: piece => pieces.push(Buffer.from(piece)),
      });
      expect(compressed).toBe(made[0]);
      const { buffer } = (await made[0]?.read(Buffer.alloc(size), 0, size, 0)) ?? {};
      expect(gunzipSync(buffer ?? '').equals(content)).toBe(true);
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
      await made[0]?.close();
    },
  );

  it.runIf(existsSync('/dev/full'))(
    'is uploaded uncompressed if it is a stream and there is no space',
    async () => {
      const content = randomBytes(300_000);
      const source = streamOf(content, 10_000);
      const full = await open('/dev/full', 'r+');
      const options = { size: content.length, signal };
      const upload = await gzipped(source, () => Promise.resolve(full), options);
      expect(upload).toMatchObject({ content: source, size: content.length, contentEncoding: 'identity' });
      expect(isClosed(full)).toBe(true);
    },
  );

  it.each([0, 5, 32 * 1024])('is compressed in memory if it is small: %i bytes', async length => {
    const content = randomBytes(length);
    const { source, made, newTarget } = await start(content);
    const upload = await gzipped(source, newTarget, { signal });
    expect(upload.contentEncoding).toBe('gzip');
    expect(gunzipSync(upload.content as Buffer).equals(content)).toBe(true);
    expect(made).toEqual([]);
  });

  it.each([1, 300_000])('is abandoned when the run is stopped: %i bytes', async length => {
    const { source, made, newTarget } = await start(randomBytes(length));
    const stopped = new AbortController();
    const compressing = gzipped(
      source,
      () => {
        stopped.abort(new Error('task canceled'));
        return newTarget();
      },
      { signal: length === 1 ? AbortSignal.abort(new Error('task canceled')) : stopped.signal },
    );
    await expect(compressing).rejects.toThrow();
    expect(made.map(isClosed)).toEqual(made.map(() => true));
  });
});
