import type { BitReader } from './bit-reader.ts';
import { huffmanTable, type HuffmanTable } from './bzip2-huffman.ts';
import { corrupt, truncated } from './damage.ts';
import { UnpackFault } from '../unpack-fault.ts';

const GROUP_SYMBOLS = 50;
const MAX_SELECTORS = 18_002;
const OUT_BYTES = 256 * 1024;

/** CRC-32 with the highest bit first. No library of Node's has it. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

interface Block {
  /** Number of symbols. */
  readonly length: number;
  /** The position of the first symbol. */
  readonly origin: number;
}

/**
 * Reads a block up to the inverse of its Burrows-Wheeler transform.
 *
 * @param links is filled: each item has a symbol in its lowest byte, and the position of the next symbol above
 *   it
 */
export function readBlock(bits: BitReader, links: Uint32Array): Block {
  if (bits.bits(1) === 1) {
    throw new UnpackFault(
      'unsupported',
      'this bz2 content was made by a bzip2 before 0.9.5: compress it again',
    );
  }
  const origin = bits.bits(24);
  const symbols = readSymbols(bits);
  const tableCount = bits.bits(3);
  const selectorCount = bits.bits(15);
  if (symbols.length === 0 || tableCount < 2 || tableCount > 6 || selectorCount === 0) {
    throw corrupt('bz2', 'the head of a block is wrong');
  }
  const selectors = readSelectors(bits, selectorCount, tableCount);
  const tables = Array.from({ length: tableCount }, () => huffmanTable(bits, symbols.length + 2));
  const counts = new Uint32Array(256);
  const length = readLinks(bits, { selectors, tables, symbols, links, counts });
  if (origin >= length) throw corrupt('bz2', 'a block refers to missing data');

  // Each symbol is followed by the one to which its position among equal symbols points.
  let sum = 0;
  for (let symbol = 0; symbol < 256; symbol++) {
    const count = counts[symbol] ?? 0;
    counts[symbol] = sum;
    sum += count;
  }
  for (let i = 0; i < length; i++) {
    const symbol = (links[i] ?? 0) & 0xff;
    const place = counts[symbol] ?? 0;
    counts[symbol] = place + 1;
    links[place] = ((links[place] ?? 0) | (i << 8)) >>> 0;
  }
  return { length, origin };
}

/** Reads which bytes a block contains: a map of 16 maps. */
function readSymbols(bits: BitReader): number[] {
  const ranges = bits.bits(16);
  const symbols: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const map = bits.bits(16);
    for (let i = 0; i < 16; i++) if (map & (0x8000 >> i)) symbols.push(range * 16 + i);
  }
  return symbols;
}

/** Reads the table of each group of symbols, by how long ago it was used. */
function readSelectors(bits: BitReader, count: number, tables: number): Uint8Array {
  const recent = Array.from({ length: tables }, (_, i) => i);
  const selectors = new Uint8Array(Math.min(count, MAX_SELECTORS));
  for (let i = 0; i < count; i++) {
    let place = 0;
    while (bits.bits(1) === 1) if (++place >= tables) throw corrupt('bz2', 'a block has no table');
    const [table = 0] = recent.splice(place, 1);
    recent.unshift(table);
    // Some programs write more than are needed.
    if (i < selectors.length) selectors[i] = table;
  }
  if (bits.isPastEnd) throw truncated('bz2');
  return selectors;
}

interface Coding {
  readonly selectors: Uint8Array;
  readonly tables: readonly HuffmanTable[];
  readonly symbols: readonly number[];
  readonly links: Uint32Array;
  /** The number of occurrences of each byte. Is filled. */
  readonly counts: Uint32Array;
}

/** @returns the number of symbols */
function readLinks(bits: BitReader, { selectors, tables, symbols, links, counts }: Coding): number {
  const recent = Uint8Array.from(symbols);
  const end = symbols.length + 1;
  let length = 0;
  let run = 0;
  let runBit = 1;
  const flushRun = () => {
    const symbol = recent[0] ?? 0;
    if (length + run > links.length) throw corrupt('bz2', 'a block is larger than the stream allows');
    links.fill(symbol, length, length + run);
    length += run;
    counts[symbol] = (counts[symbol] ?? 0) + run;
    run = 0;
    runBit = 1;
  };
  for (const selector of selectors) {
    const table = tables[selector];
    if (table === undefined) break;
    if (bits.isPastEnd) throw truncated('bz2');
    for (let i = 0; i < GROUP_SYMBOLS; i++) {
      const code = table.next(bits);
      if (code <= 1) {
        // The length of a run, as a number with the digits 1 and 2.
        run += runBit << code;
        runBit *= 2;
        if (run > links.length) throw corrupt('bz2', 'a block is larger than the stream allows');
        continue;
      }
      if (run > 0) flushRun();
      if (code === end) {
        if (bits.isPastEnd) throw truncated('bz2');
        return length;
      }
      const symbol = recent[code - 1] ?? 0;
      recent.copyWithin(1, 0, code - 1);
      recent[0] = symbol;
      if (length >= links.length) throw corrupt('bz2', 'a block is larger than the stream allows');
      links[length++] = symbol;
      counts[symbol] = (counts[symbol] ?? 0) + 1;
    }
  }
  throw corrupt('bz2', 'a block has no end');
}

/**
 * Yields the content of a block: its symbols in order. After four equal symbols, a fifth byte counts further
 * ones.
 *
 * @returns its checksum
 */
export function* blockText(
  links: Uint32Array,
  { length, origin }: Block,
): Generator<Buffer, number, undefined> {
  let out = Buffer.allocUnsafeSlow(OUT_BYTES);
  let to = 0;
  let crc = 0xffffffff;
  let link = links[origin] ?? 0;
  let previous = -1;
  let equal = 0;
  for (let i = 0; i < length; i++) {
    link = links[link >>> 8] ?? 0;
    const symbol = link & 0xff;
    let times = 1;
    let value = symbol;
    if (equal === 4) {
      times = symbol;
      value = previous;
      equal = 0;
      previous = -1;
    } else if (symbol === previous) {
      equal++;
    } else {
      equal = 1;
      previous = symbol;
    }
    for (; times > 0; times--) {
      out[to++] = value;
      crc = ((crc << 8) ^ (CRC[(crc >>> 24) ^ value] ?? 0)) >>> 0;
      if (to < OUT_BYTES) continue;
      yield out;
      out = Buffer.allocUnsafeSlow(OUT_BYTES);
      to = 0;
    }
  }
  if (to > 0) yield out.subarray(0, to);
  return (crc ^ 0xffffffff) >>> 0;
}
