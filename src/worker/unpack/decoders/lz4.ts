import { ByteReader } from './byte-reader.ts';
import { XxHash32, xxHash32 } from './checksums.ts';
import { corrupt, dataAfterEnd } from './damage.ts';
import { inflateLz4Block } from './lz4-block.ts';
import { UnpackFault } from '../unpack-fault.ts';

const FRAME = 0x184d2204;
const LEGACY_FRAME = 0x184c2102;
/** Frames with this magic number, or one of the next 15, are skipped. */
const SKIPPABLE_FRAME = 0x184d2a50;

const LEGACY_BLOCK_BYTES = 8 * 1024 * 1024;
/** How far back a block may refer, including into the previous block. */
const HISTORY_BYTES = 64 * 1024;

/**
 * Decompresses LZ4 frames, including legacy and concatenated ones.
 *
 * Why not a library: those for Node need the whole content in memory.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export async function* decodedLz4(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const reader = new ByteReader('lz4', pieces);
  for (let frames = 0; frames === 0 || !(await reader.isAtEnd()); frames++) {
    const magic = (await reader.take(4)).readUInt32LE();
    if (magic === FRAME) yield* frame(reader);
    else if (magic === LEGACY_FRAME) yield* legacyFrame(reader);
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_FRAME) await skip(reader);
    else throw frames === 0 ? corrupt('lz4', 'it does not begin with a frame') : dataAfterEnd('lz4');
  }
}

async function* frame(reader: ByteReader): AsyncGenerator<Buffer, void, undefined> {
  const header = await readHeader(reader);
  const hash = new XxHash32();
  let length = 0;
  let history: Buffer = Buffer.alloc(0);
  for (;;) {
    const word = (await reader.take(4)).readUInt32LE();
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (size > header.blockBytes) throw corrupt('lz4', 'a block is larger than the frame allows');
    const block = await reader.take(size);
    if (header.hasBlockChecksums && (await reader.take(4)).readUInt32LE() !== xxHash32(block)) {
      throw corrupt('lz4', 'a checksum is wrong');
    }
    const content =
      word >>> 31 === 1 ? Buffer.from(block) : inflateLz4Block(block, header.blockBytes, history);
    if (!header.areBlocksIndependent) history = lastBytes(history, content);
    if (header.hasChecksum) hash.update(content);
    length += content.length;
    yield content;
  }
  if (header.length !== undefined && header.length !== length) throw corrupt('lz4', 'its length is wrong');
  if (header.hasChecksum && (await reader.take(4)).readUInt32LE() !== hash.digest()) {
    throw corrupt('lz4', 'a checksum is wrong');
  }
}

interface Header {
  readonly areBlocksIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasChecksum: boolean;
  /** The length of the content in bytes. Undefined if the frame does not say. */
  readonly length: number | undefined;
  /** The largest content of a block. */
  readonly blockBytes: number;
}

async function readHeader(reader: ByteReader): Promise<Header> {
  const [flags = 0, sizes = 0] = await reader.peek(2);
  const hasLength = (flags & 8) !== 0;
  const hasDictionary = (flags & 1) !== 0;
  const size = 2 + (hasLength ? 8 : 0) + (hasDictionary ? 4 : 0);
  const bytes = await reader.take(size + 1);
  const blockSize = (sizes >> 4) & 7;
  if (flags >> 6 !== 1 || blockSize < 4) throw corrupt('lz4', 'its header is invalid');
  if (((xxHash32(bytes.subarray(0, size)) >>> 8) & 0xff) !== bytes[size]) {
    throw corrupt('lz4', "its header's checksum is wrong");
  }
  if (hasDictionary) {
    throw new UnpackFault(
      'unsupported',
      'this lz4 content needs a dictionary, which the worker does not have',
    );
  }
  return {
    areBlocksIndependent: (flags & 32) !== 0,
    hasBlockChecksums: (flags & 16) !== 0,
    hasChecksum: (flags & 4) !== 0,
    length: hasLength ? Number(bytes.readBigUInt64LE(2)) : undefined,
    blockBytes: 2 ** (8 + 2 * blockSize),
  };
}

/** The format of LZ4's first versions and of the Linux kernel. It ends with the next frame, or with the file. */
async function* legacyFrame(reader: ByteReader): AsyncGenerator<Buffer, void, undefined> {
  while (!(await reader.isAtEnd())) {
    const next = (await reader.peek(4)).subarray(0, 4);
    const size = next.length === 4 ? next.readUInt32LE() : 0;
    if (size === FRAME || size === LEGACY_FRAME || (size & 0xfffffff0) >>> 0 === SKIPPABLE_FRAME) return;
    await reader.take(4);
    // Incompressible content grows by one byte in 255.
    if (size > LEGACY_BLOCK_BYTES + LEGACY_BLOCK_BYTES / 255 + 16)
      throw corrupt('lz4', 'a block is too large');
    yield inflateLz4Block(await reader.take(size), LEGACY_BLOCK_BYTES, Buffer.alloc(0));
  }
}

async function skip(reader: ByteReader): Promise<void> {
  const size = (await reader.take(4)).readUInt32LE();
  for (let left = size; left > 0;) {
    const portion = Math.min(left, HISTORY_BYTES);
    await reader.take(portion);
    left -= portion;
  }
}

function lastBytes(before: Buffer, content: Buffer): Buffer {
  // A copy, because the content itself is passed on, and may be gone when the next block needs it.
  if (content.length >= HISTORY_BYTES) return Buffer.from(content.subarray(-HISTORY_BYTES));
  return Buffer.concat([before, content]).subarray(-HISTORY_BYTES);
}
