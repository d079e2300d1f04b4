import { BitReader } from './bit-reader.ts';
import { ByteReader } from './byte-reader.ts';
import { blockText, readBlock } from './bzip2-block.ts';
import { corrupt, dataAfterEnd, truncated } from './damage.ts';

/** "BZh", before the digit for the block size. */
const STREAM = 0x425a68;
const BLOCK = 0x314159265359;
const END = 0x177245385090;

/** No block is larger: at most 900,000 symbols of 20 bits, and the tables before them. */
const MAX_BLOCK_BYTES = 2_500_000;

/**
 * Decompresses bzip2, including several concatenated streams.
 *
 * Why not a library: unbzip2-stream reads each byte as a number in an array, at a third of this speed and with
 * many times the memory. The format is not documented by its author;
 * https://en.wikipedia.org/wiki/Bzip2#File_format is right.
 */
export async function* decodedBzip2(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const reader = new ByteReader('bz2', pieces);
  for (let streams = 0; streams === 0 || !(await reader.isAtEnd()); streams++) {
    const head = await reader.take(4);
    const level = (head[3] ?? 0) - 0x30;
    if (head.readUIntBE(0, 3) !== STREAM || level < 1 || level > 9) {
      throw streams === 0 ? corrupt('bz2', 'it does not begin with a stream') : dataAfterEnd('bz2');
    }
    yield* stream(reader, level * 100_000);
  }
}

async function* stream(reader: ByteReader, maxSymbols: number): AsyncGenerator<Buffer, void, undefined> {
  // Blocks do not end at byte boundaries.
  let offset = 0;
  let checksum = 0;
  const links = new Uint32Array(maxSymbols);
  for (;;) {
    const bytes = await reader.peek(MAX_BLOCK_BYTES);
    const bits = new BitReader(bytes);
    bits.seek(offset);
    const magic = bits.bits48();
    const wanted = bits.bits32();
    if (bits.isPastEnd) throw truncated('bz2');
    if (magic === END) {
      if (wanted !== checksum) throw corrupt('bz2', 'a checksum is wrong');
      reader.skip(Math.ceil(bits.position / 8));
      return;
    }
    if (magic !== BLOCK) throw corrupt('bz2', 'a block begins incorrectly');
    const block = readBlock(bits, links);
    const found = yield* blockText(links, block);
    if (found !== wanted) throw corrupt('bz2', 'a checksum is wrong');
    checksum = (((checksum << 1) | (checksum >>> 31)) ^ found) >>> 0;
    reader.skip(bits.position >> 3);
    offset = bits.position & 7;
  }
}
