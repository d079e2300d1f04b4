import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync, type ZlibOptions } from 'node:zlib';
import { filePieces } from './file-pieces.ts';
import type { Upload } from './put.ts';
import { shortageOf } from '../shortage.ts';

const READ_BYTES = 256 * 1024;
/** A file of up to so many bytes is compressed in memory, in less than a ms. */
const SMALL_BYTES = 32 * 1024;
/** With this mark, a chunk is asked for only when the one before it has been used up. */
const GZIP = { highWaterMark: 1, chunkSize: 64 * 1024 } as ZlibOptions;

/** Disposed of when it has gone up: its file is closed then, if it is one that was made for it. */
export type Gzipped = Upload & AsyncDisposable;

/**
 * Compresses an open file: a small one in memory, any other into a second file. Where the disk has no room for that, the
 * file goes up as it is.
 *
 * @param newTarget makes the second file
 */
export async function gzipped(
  source: FileHandle,
  newTarget: () => Promise<FileHandle>,
  signal: AbortSignal,
): Promise<Gzipped> {
  signal.throwIfAborted();
  const { size } = await source.stat();
  if (size <= SMALL_BYTES) {
    const content: Buffer[] = [];
    for await (const piece of filePieces(source, size, () => Buffer.allocUnsafe(size))) content.push(piece);
    return upload(gzipSync(Buffer.concat(content)), 'gzip');
  }
  let target: FileHandle | undefined;
  try {
    const made = (target = await newTarget());
    // Always the same memory: a long file else fills it faster than it is freed.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const pieces = filePieces(source, size, () => buffer);
    await pipeline(pieces, createGzip(GZIP), chunks => made.writeFile(chunks), { signal });
    return upload(made, 'gzip', () => made.close());
  } catch (error) {
    await target?.close();
    if (shortageOf(error) !== 'disk space') throw error;
    return upload(source, 'identity');
  }
}

function upload(
  content: Upload['content'],
  contentEncoding: Upload['contentEncoding'],
  close: () => Promise<void> = () => Promise.resolve(),
): Gzipped {
  return { content, contentEncoding, [Symbol.asyncDispose]: close };
}
