import { Buffer } from 'node:buffer';
import { ByteReader } from '../../../unpack/decoders/byte-reader.ts';
import { readPax } from '../../../unpack/archives/pax.ts';
import { BLOCK_BYTES, isZeroBlock, readHeader } from '../../../unpack/archives/tar-header.ts';
import { UnpackFault } from '../../../unpack/unpack-fault.ts';

/** An entry of a tar archive, with extended headers applied. Names are bytes, one per character (latin1). */
export interface Entry {
  readonly type: string;
  readonly name: string;
  readonly target: string;
  /** Size of its content, in bytes. */
  readonly size: number;
}

/** How many bytes are read after the end of the archive, so that the checksum of the compression is verified. */
const MAX_AFTER_END = 64 * 1024 * 1024;
const LONGEST_NAME = 100;

/** Reads a tar archive entry by entry. Read the content of each before the next. */
export class TarBlocks {
  readonly #reader: ByteReader;
  readonly #maxExtendedBytes: number;

  /** @param maxExtendedBytes the longest accepted extended header, in bytes */
  constructor(pieces: AsyncIterable<Buffer>, maxExtendedBytes: number) {
    this.#reader = new ByteReader('tar', pieces);
    this.#maxExtendedBytes = maxExtendedBytes;
  }

  /**
   * @returns undefined at the end of the archive
   * @throws UnpackFault
   */
  async next(): Promise<Entry | undefined> {
    let pax: ReadonlyMap<string, string> | undefined;
    let longName: string | undefined;
    let longTarget: string | undefined;
    for (;;) {
      const block = await this.#reader.take(BLOCK_BYTES);
      if (isZeroBlock(block)) {
        await this.#passOver();
        return undefined;
      }
      const { type, name, target, size } = readHeader(block);
      if ('xgLKV'.includes(type)) {
        const body = await this.whole(size, this.#maxExtendedBytes);
        const text = body.toString('latin1').replace(/\0.*$/s, '');
        if (type === 'x') pax = readPax(body).values;
        else if (type === 'L') longName = text;
        else if (type === 'K') longTarget = text;
        continue;
      }
      if (pax && [...pax.keys()].some(key => key.startsWith('GNU.sparse'))) {
        throw new UnpackFault('unsupported', 'it has a sparse file');
      }
      const paxSize = Number(pax?.get('size') ?? size);
      if (!Number.isSafeInteger(paxSize) || paxSize < 0)
        throw new UnpackFault('damaged', 'a size is impossible');
      return {
        type,
        name: pax?.get('path') ?? longName ?? name,
        target: pax?.get('linkpath') ?? longTarget ?? target,
        size: paxSize,
      };
    }
  }

  /** The content of an entry, padded to a whole block. */
  async *content(size: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = paddedSize(size); left > 0;) {
      const there = await this.#reader.peek(1);
      if (there.length === 0) throw new UnpackFault('damaged', 'it ends too early');
      const piece = there.subarray(0, left);
      this.#reader.skip(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** The whole content of a small entry. */
  async whole(size: number, most: number): Promise<Buffer> {
    if (size > most) throw new UnpackFault('damaged', 'an entry is too long');
    return (await this.#reader.take(paddedSize(size))).subarray(0, size);
  }

  async #passOver(): Promise<void> {
    for (let left = MAX_AFTER_END; left > 0;) {
      const { length } = await this.#reader.peek(1);
      if (length === 0) return;
      this.#reader.skip(length);
      left -= length;
    }
  }
}

/**
 * The ustar header of an entry.
 *
 * @throws UnpackFault when a name is too long for it
 */
export function tarHeader({ type, name, target, size }: Entry): Buffer {
  if (name.length > LONGEST_NAME || target.length > LONGEST_NAME) {
    throw new UnpackFault('unsupported', `the name ${name} is too long for an image`);
  }
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, 'latin1');
  block.write(type === '5' ? '0000755\0' : '0000644\0', 100, 'latin1');
  block.write('0000000\0' + '0000000\0', 108, 'latin1');
  writeSize(block, size);
  block.write('00000000000\0', 136, 'latin1');
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(target, 157, 'latin1');
  block.write('ustar\0' + '00', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, 148, 'latin1');
  return block;
}

/** In octal digits. From 8 GiB on, in binary. */
function writeSize(block: Buffer, size: number): void {
  if (size < 8 ** 11) {
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    return;
  }
  block.writeBigUInt64BE(BigInt(size), 128);
  block[124] = 0x80;
}

/** Rounds up to a whole block. */
export function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}
