import { readSync } from 'node:fs';
import { corrupt, truncated } from '../decoders/damage.ts';
import { UnpackFault } from '../unpack-fault.ts';

const SIGNATURE = Buffer.from('Rar!\x1a\x07', 'latin1');
/** Only the first fields of a header are needed. */
const HEADER_BYTES = 64;

/** The facts about a block that are needed to follow the chain of blocks. */
interface Block {
  readonly isEnd: boolean;
  /** Whether the archive continues in another file. */
  readonly isVolume: boolean;
  /** The position of the next block. */
  readonly next: number;
}

/**
 * Checks that a rar archive is complete, by following its blocks to the end.
 *
 * @param size of the file
 * @see https://www.rarlab.com/technote.htm
 */
export function assertRarComplete(descriptor: number, size: number): void {
  const bytes = (at: number) => {
    const buffer = Buffer.alloc(HEADER_BYTES);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, HEADER_BYTES, at));
  };
  const start = bytes(0);
  if (!start.subarray(0, 6).equals(SIGNATURE)) {
    throw start.length === 0 ? truncated('rar') : corrupt('rar', 'it does not begin like such archives');
  }
  const isNew = start[6] === 1;
  const read = isNew ? newBlock : oldBlock;
  for (let at = isNew ? 8 : 7; ;) {
    const header = bytes(at);
    // Archives of the old form may lack a last block.
    if (header.length === 0 && !isNew && at === size) return;
    const block = read(header, at);
    if (block === undefined || block.next > size) throw truncated('rar');
    if (block.isVolume) {
      throw new UnpackFault(
        'unsupported',
        'this rar archive has several volumes, which the worker cannot unpack',
      );
    }
    if (block.isEnd) return;
    at = block.next;
  }
}

/** RAR 5: CRC, length of the header, type, flags, then the lengths of what else there is. */
function newBlock(header: Buffer, start: number): Block | undefined {
  let at = 4;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 8; shift++) {
      const byte = header[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    throw corrupt('rar', 'a number in a header is invalid');
  };
  const length = number();
  const end = start + at + length;
  const type = number();
  const flags = number();
  if ((flags & 1) !== 0) number();
  const data = (flags & 2) !== 0 ? number() : 0;
  const own = type === 1 || type === 5 ? number() : 0;
  if (type === 4) throw encrypted();
  if (Number.isNaN(end + data + type + flags + own)) return undefined;
  return { isEnd: type === 5, isVolume: (own & 1) !== 0, next: end + data };
}

/** RAR 1.5 to 4: CRC of 16 bits, type, flags, length of the header, length of what comes after it. */
function oldBlock(header: Buffer, start: number): Block | undefined {
  if (header.length < 7) return undefined;
  const type = header[2] ?? 0;
  const flags = header.readUInt16LE(3);
  const length = header.readUInt16LE(5);
  if (length < 7) throw corrupt('rar', 'a header has no length');
  if (type === 0x73 && (flags & 0x80) !== 0) throw encrypted();
  const isFile = type === 0x74 || type === 0x7a;
  const hasData = isFile || (flags & 0x8000) !== 0;
  if (hasData && header.length < 11) return undefined;
  let data = hasData ? header.readUInt32LE(7) : 0;
  if (isFile && (flags & 0x100) !== 0) {
    if (header.length < 36) return undefined;
    data += header.readUInt32LE(32) * 2 ** 32;
  }
  const isVolume = (type === 0x73 && (flags & 1) !== 0) || (type === 0x7b && (flags & 1) !== 0);
  return { isEnd: type === 0x7b, isVolume, next: start + length + data };
}

function encrypted(): UnpackFault {
  return new UnpackFault(
    'unsupported',
    'this rar archive is encrypted, and the worker has no password for it',
  );
}
