import type { FileHandle } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { fillFrom } from './file-pieces.ts';
import { isStream, sizeOf, type FileSource } from './file-source.ts';
import { gzipMember } from './gzip-member.ts';
import type { Upload } from './put.ts';
import { streamPieces } from './stream-pieces.ts';
import { readWhole } from './read-whole.ts';
import { shortageOf } from '../shortage.ts';

/** Files up to this size are compressed in memory, in less than 1 ms. */
const SMALL_BYTES = 32 * 1024;

interface GzipOptions {
  /**
   * Number of bytes to compress. By default the present size of the file. A stream is always compressed
   * completely.
   */
  readonly size?: number | undefined;
  readonly signal: AbortSignal;
  /** Receives each piece before it is compressed. */
  readonly onPiece?: ((piece: Buffer) => void) | undefined;
}

/** Dispose of it after the upload, which closes its file if one was created. */
export type Gzipped = Upload & AsyncDisposable;

/**
 * Compresses a file: a small one in memory, any other into a second file. If the disk has no room for that, the
 * file is uploaded as it is.
 *
 * @param newTarget creates the second file
 */
export async function gzipped(
  source: Exclude<FileSource, Buffer>,
  newTarget: () => Promise<FileHandle>,
  { size: given, signal, onPiece }: GzipOptions,
): Promise<Gzipped> {
  signal.throwIfAborted();
  const size = given ?? (await sizeOf(source));
  if (size <= SMALL_BYTES) {
    const whole = await readWhole(source, size, signal);
    onPiece?.(whole);
    const content = gzipSync(whole);
    return upload({ content, size: content.length, contentEncoding: 'gzip' });
  }
  let target: FileHandle | undefined;
  try {
    const made = (target = await newTarget());
    let written = 0;
    const write = async (bytes: Buffer) => {
      await made.appendFile(bytes);
      written += bytes.length;
    };
    const options = { signal, onBlock: onPiece };
    if (isStream(source)) {
      const pieces = streamPieces(source, size, signal);
      try {
        await gzipMember(blocksOfPieces(pieces), write, options);
      } finally {
        await pieces.return();
      }
    } else await gzipMember(blocksOf(source, size), write, options);
    return upload({ content: made, size: written, contentEncoding: 'gzip' }, () => made.close());
  } catch (error) {
    await target?.close();
    if (shortageOf(error) !== 'disk space') throw error;
    return upload({ content: source, size, contentEncoding: 'identity' });
  }
}

/**
 * Reads the first bytes of a file, block by block.
 *
 * @throws TaskError `task-failed` when the file has become shorter
 */
function blocksOf(source: FileHandle, size: number): (buffer: Buffer) => Promise<number> {
  let at = 0;
  return async buffer => {
    const wanted = Math.min(buffer.length, size - at);
    await fillFrom(source, buffer, wanted, at);
    at += wanted;
    return wanted;
  };
}

/** Splits pieces of any length into blocks. */
function blocksOfPieces(pieces: AsyncIterator<Buffer, void>): (buffer: Buffer) => Promise<number> {
  let rest: Buffer = Buffer.alloc(0);
  return async buffer => {
    let filled = 0;
    while (filled < buffer.length) {
      if (rest.length === 0) {
        const next = await pieces.next();
        if (next.done) break;
        rest = next.value;
      }
      const copied = rest.copy(buffer, filled);
      filled += copied;
      rest = rest.subarray(copied);
    }
    return filled;
  };
}

function upload(made: Upload, close: () => Promise<void> = () => Promise.resolve()): Gzipped {
  return { ...made, [Symbol.asyncDispose]: close };
}
