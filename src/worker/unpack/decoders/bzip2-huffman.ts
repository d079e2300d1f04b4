import type { BitReader } from './bit-reader.ts';
import { corrupt } from './damage.ts';

const LONGEST_CODE = 20;
/** Codes up to this length are found with one table access. */
const SHORT_CODE = 10;

/** Finds the next symbol by its code. */
export interface HuffmanTable {
  next(bits: BitReader): number;
}

/** Reads the lengths of a table's codes, each as the difference from the previous one. */
export function huffmanTable(bits: BitReader, symbolCount: number): HuffmanTable {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.bits(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > LONGEST_CODE) throw corrupt('bz2', 'a code has a wrong length');
      if (bits.bits(1) === 0) break;
      length += bits.bits(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return tableOf(lengths);
}

function tableOf(lengths: Uint8Array): HuffmanTable {
  // Codes are assigned in order: shorter ones first, and symbols with codes of the same length by number.
  const counts = new Uint32Array(LONGEST_CODE + 2);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  const symbols = new Uint16Array(lengths.length);
  const places = new Uint32Array(LONGEST_CODE + 2);
  for (let n = 1; n <= LONGEST_CODE; n++) places[n + 1] = (places[n] ?? 0) + (counts[n] ?? 0);
  const first = places.slice();
  lengths.forEach((length, symbol) => {
    const place = places[length] ?? 0;
    symbols[place] = symbol;
    places[length] = place + 1;
  });

  /** By length: the last code plus one, and the offset from a code to the position of its symbol. */
  const limits = new Float64Array(LONGEST_CODE + 1);
  const bases = new Float64Array(LONGEST_CODE + 1);
  const short = new Uint16Array(1 << SHORT_CODE);
  let code = 0;
  for (let n = 1; n <= LONGEST_CODE; n++) {
    const count = counts[n] ?? 0;
    bases[n] = (first[n] ?? 0) - code;
    for (let i = 0; n <= SHORT_CODE && i < count; i++) {
      const entry = ((symbols[(first[n] ?? 0) + i] ?? 0) << 4) | n;
      const start = (code + i) << (SHORT_CODE - n);
      short.fill(entry, start, start + (1 << (SHORT_CODE - n)));
    }
    code += count;
    limits[n] = code;
    code *= 2;
  }

  return {
    next: bits => {
      const entry = short[bits.peek(SHORT_CODE)] ?? 0;
      if (entry !== 0) {
        bits.drop(entry & 15);
        return entry >> 4;
      }
      let value = 0;
      for (let n = 1; n <= LONGEST_CODE; n++) {
        value = value * 2 + bits.bits(1);
        if (value < (limits[n] ?? 0)) {
          const symbol = symbols[value + (bases[n] ?? 0)];
          if (symbol !== undefined) return symbol;
          break;
        }
      }
      throw corrupt('bz2', 'a code is undefined');
    },
  };
}
