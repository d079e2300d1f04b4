import { corrupt } from './damage.ts';

const SHORTEST_MATCH = 4;

/**
 * Decompresses one block of LZ4.
 *
 * @param maxBytes limit for its content
 * @param history earlier content, to which it may refer
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function inflateLz4Block(block: Buffer, maxBytes: number, history: Buffer): Buffer {
  const out = Buffer.allocUnsafeSlow(history.length + maxBytes);
  history.copy(out);
  let to = history.length;
  let at = 0;
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (;;) {
      const more = block[at++];
      if (more === undefined) throw corrupt('lz4', 'a block ends too early');
      length += more;
      if (more < 255) return length;
    }
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length) throw corrupt('lz4', 'a block ends too early');
    if (to + literals > out.length) throw corrupt('lz4', 'a block contains too much data');
    if (literals <= 32) for (let i = 0; i < literals; i++) out[to + i] = block[at + i] ?? 0;
    else block.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    // Only the last sequence has no match.
    if (at === block.length) return out.subarray(history.length, to);

    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    const length = lengthOf(token & 15) + SHORTEST_MATCH;
    if (distance === 0 || distance > to || at > block.length)
      throw corrupt('lz4', 'a block refers to missing data');
    if (to + length > out.length) throw corrupt('lz4', 'a block contains too much data');
    // A match may overlap itself. It then repeats what it has just written.
    if (distance >= length && length > 32) out.copyWithin(to, to - distance, to - distance + length);
    else for (let i = 0; i < length; i++) out[to + i] = out[to - distance + i] ?? 0;
    to += length;
  }
  throw corrupt('lz4', 'a block ends too early');
}
