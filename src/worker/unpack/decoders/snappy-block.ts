import { corrupt } from './damage.ts';

/**
 * Decompresses one block of snappy.
 *
 * @param maxBytes limit for its content
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function inflateSnappyBlock(block: Buffer, maxBytes: number): Buffer {
  let at = 0;
  const byte = (): number => {
    const value = block[at++];
    if (value === undefined) throw corrupt('sz', 'a block ends too early');
    return value;
  };
  const number = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += byte() * 2 ** (8 * i);
    return value;
  };

  const size = lengthOf(byte);
  if (size > maxBytes) throw corrupt('sz', 'a block contains too much data');
  const out = Buffer.allocUnsafeSlow(size);
  let to = 0;
  const copy = (distance: number, length: number) => {
    if (distance === 0 || distance > to) throw corrupt('sz', 'a block refers to missing data');
    if (to + length > size) throw corrupt('sz', 'a block contains more data than announced');
    // A copy may overlap itself. It then repeats what it has just written.
    for (let i = 0; i < length; i++) out[to + i] = out[to - distance + i] ?? 0;
    to += length;
  };

  while (at < block.length) {
    const tag = byte();
    const upper = tag >> 2;
    switch (tag & 3) {
      case 0: {
        const length = (upper < 60 ? upper : number(upper - 59)) + 1;
        if (at + length > block.length) throw corrupt('sz', 'a block ends too early');
        if (to + length > size) throw corrupt('sz', 'a block contains more data than announced');
        block.copy(out, to, at, at + length);
        at += length;
        to += length;
        break;
      }
      case 1:
        copy(((upper >> 3) << 8) | byte(), (upper & 7) + 4);
        break;
      case 2:
        copy(number(2), upper + 1);
        break;
      default:
        copy(number(4), upper + 1);
    }
  }
  if (to !== size) throw corrupt('sz', 'a block ends too early');
  return out;
}

function lengthOf(byte: () => number): number {
  let length = 0;
  for (let shift = 0; shift < 5; shift++) {
    const next = byte();
    length += (next & 0x7f) * 2 ** (7 * shift);
    if (next < 0x80) return length;
  }
  throw corrupt('sz', 'the length of a block is invalid');
}
