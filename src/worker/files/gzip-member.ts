import { permits } from './permits.ts';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib';

/** In bytes. A block takes about 1 ms, and compresses as well as the whole file. */
const BLOCK_BYTES = 128 * 1024;
/** How far back deflate looks. */
const WINDOW_BYTES = 32 * 1024;
/** Compression shares Node's threads with all other work on files, so it must not use all of them. */
const THREADS = Math.min(3, availableParallelism());
/** https://www.rfc-editor.org/rfc/rfc1952: deflate, no name, no time, Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
/** An empty last block, because the blocks before it do not know that they are the last. */
const LAST_BLOCK = Buffer.from([3, 0]);

const deflate = promisify<Buffer, ZlibOptions, Buffer>(deflateRaw);
/** Shared by all compressions. */
const threads = permits(THREADS);

interface GzipMemberOptions {
  readonly signal: AbortSignal;
  readonly onBlock?: ((block: Buffer) => void) | undefined;
  readonly level?: () => number;
}

/**
 * Compresses on several threads into one gzip member. Several members would be easier, but Chromium shows only
 * the first. As in pigz, each block is compressed separately, with the end of the previous block as its
 * dictionary, and ends on a whole byte.
 *
 * @param read fills a buffer with the next bytes, completely except at the end; returns the number of bytes
 * @param write receives compressed bytes, in order
 * @param onBlock receives each block before it is compressed, in order
 * @param level called for each block: 1 is fast, 9 is small, 6 is usual
 */
export async function gzipMember(
  read: (buffer: Buffer) => Promise<number>,
  write: (bytes: Buffer) => Promise<void>,
  { signal, onBlock, level = () => 6 }: GzipMemberOptions,
): Promise<void> {
  // Reuses this memory, because a long file would fill memory faster than it is freed.
  const buffers = Array.from({ length: THREADS + 2 }, () => Buffer.allocUnsafeSlow(BLOCK_BYTES));
  const compressing: Promise<Buffer>[] = [];
  const writeFirst = async () => {
    const first = compressing.shift();
    if (first) await write(await first);
  };
  let dictionary: Buffer | undefined;
  let checksum = 0;
  let size = 0;
  try {
    await write(HEADER);
    for (let index = 0; ; index++) {
      signal.throwIfAborted();
      const buffer = buffers[index % buffers.length] as Buffer;
      const length = await read(buffer);
      if (length === 0) break;
      const block = buffer.subarray(0, length);
      onBlock?.(block);
      checksum = crc32(block, checksum);
      size += length;
      const options = {
        level: level(),
        finishFlush: constants.Z_SYNC_FLUSH,
        chunkSize: BLOCK_BYTES / 4,
        ...(dictionary && { dictionary }),
      };
      compressing.push(threads.with(() => deflate(block, options)));
      dictionary = block.subarray(Math.max(0, length - WINDOW_BYTES));
      if (compressing.length === THREADS) await writeFirst();
    }
    while (compressing.length > 0) await writeFirst();
  } finally {
    // Compressions in progress still read from the buffers.
    await Promise.allSettled(compressing);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  await write(Buffer.concat([LAST_BLOCK, trailer]));
}
