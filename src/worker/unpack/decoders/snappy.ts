import { ByteReader } from './byte-reader.ts';
import { crc32c } from './checksums.ts';
import { corrupt } from './damage.ts';
import { inflateSnappyBlock } from './snappy-block.ts';
import { UnpackFault } from '../unpack-fault.ts';

const COMPRESSED = 0x00;
const PLAIN = 0x01;
const IDENTIFIER = 0xff;
/** Types of chunks from here on may be skipped. */
const FIRST_SKIPPABLE = 0x80;

const MAX_BYTES = 65_536;
/** The checksum before the content of a chunk. */
const CHECKSUM_BYTES = 4;
/** Incompressible content grows by a sixth and 32 bytes. */
const MAX_COMPRESSED_BYTES = CHECKSUM_BYTES + 32 + MAX_BYTES + Math.ceil(MAX_BYTES / 6);

/**
 * Decompresses snappy's frames.
 *
 * Why not a library: those for Node decompress blocks only, not frames.
 *
 * @see https://github.com/google/snappy/blob/main/framing_format.txt
 */
export async function* decodedSnappy(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const reader = new ByteReader('sz', pieces);
  for (let chunks = 0; chunks === 0 || !(await reader.isAtEnd()); chunks++) {
    const head = await reader.take(4);
    const [type = 0] = head;
    const size = head.readUIntLE(1, 3);
    if (chunks === 0 && type !== IDENTIFIER) throw corrupt('sz', 'it does not begin with an identifier');
    if (type === IDENTIFIER) await checkIdentifier(reader, size);
    else if (type === COMPRESSED || type === PLAIN) yield await content(reader, type, size);
    else if (type >= FIRST_SKIPPABLE) await reader.take(size);
    else throw corrupt('sz', 'a chunk has a reserved type');
  }
}

async function checkIdentifier(reader: ByteReader, size: number): Promise<void> {
  const text = (await reader.take(Math.min(size, 6))).toString('latin1');
  if (text === 'S2sTwO') {
    throw new UnpackFault(
      'unsupported',
      'this content is S2, which the worker cannot decompress: use snappy, or zst',
    );
  }
  if (size !== 6 || text !== 'sNaPpY') throw corrupt('sz', 'its identifier is wrong');
}

async function content(reader: ByteReader, type: number, size: number): Promise<Buffer> {
  if (size < CHECKSUM_BYTES || size > MAX_COMPRESSED_BYTES) throw corrupt('sz', 'a chunk has a wrong size');
  const chunk = await reader.take(size);
  const body = chunk.subarray(CHECKSUM_BYTES);
  const bytes = type === PLAIN ? Buffer.from(body) : inflateSnappyBlock(body, MAX_BYTES);
  if (bytes.length > MAX_BYTES) throw corrupt('sz', 'a chunk contains too much data');
  const sum = crc32c(bytes);
  const masked = (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
  if (masked !== chunk.readUInt32LE()) throw corrupt('sz', 'a checksum is wrong');
  return bytes;
}
