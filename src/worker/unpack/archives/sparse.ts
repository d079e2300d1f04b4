import { corrupt } from '../decoders/damage.ts';
import { BLOCK_BYTES, sizeAt } from './tar-header.ts';

/** A part of a file that is in the archive. Between the parts are holes. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** Where the content of a sparse file belongs. */
export interface SparseMap {
  readonly segments: readonly Segment[];
  /** The length of the file, including its holes. */
  readonly size: number;
}

/** Reads a size in decimal digits, as in extended headers. */
export function readDigits(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw corrupt('tar', 'a number in an extended header is invalid');
  return value;
}

/**
 * Creates a map from pairs of numbers, and checks it: segments are in order and inside the file, and their
 * total length is that of the content in the archive.
 */
export function sparseMap(numbers: readonly number[], size: number, archived: number): SparseMap {
  const segments: Segment[] = [];
  let end = 0;
  let sum = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const offset = numbers[i] ?? 0;
    const length = numbers[i + 1] ?? -1;
    if (length < 0 || offset < end) throw corrupt('tar', 'the parts of a sparse file are out of order');
    end = offset + length;
    sum += length;
    segments.push({ offset, length });
  }
  if (end > size || sum !== archived)
    throw corrupt('tar', 'the parts of a sparse file do not add up to its size');
  return { segments, size };
}

const OLD_PAIR_BYTES = 24;
const PAIRS_IN_HEADER = 4;
const PAIRS_IN_BLOCK = 21;

/** GNU's old sparse files: pairs in the header, and in more blocks after it. */
export class OldSparseMap {
  readonly #numbers: number[] = [];
  readonly #size: number;

  constructor(header: Buffer) {
    this.#size = sizeAt(header, 483, 12);
    this.#read(header, 386, PAIRS_IN_HEADER);
  }

  static hasMore(header: Buffer): boolean {
    return header[482] !== 0;
  }

  /** @returns whether another block follows */
  addBlock(block: Buffer): boolean {
    this.#read(block, 0, PAIRS_IN_BLOCK);
    if (this.#numbers.length > MAX_NUMBERS) throw tooManySegments();
    return block[504] !== 0;
  }

  finish(archived: number): SparseMap {
    return sparseMap(this.#numbers, this.#size, archived);
  }

  #read(block: Buffer, start: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = start + i * OLD_PAIR_BYTES;
      // The first missing pair is all zeros.
      if (block[at] === 0) return;
      this.#numbers.push(sizeAt(block, at, 12), sizeAt(block, at + 12, 12));
    }
  }
}

const MAX_NUMBERS = 200_000;

/** The newest form of sparse files: a list of numbers before the content, one per line, in whole blocks. */
export class ListedSparseMap {
  readonly #numbers: number[] = [];
  #line = '';
  #blocks = 0;

  /** @returns whether the list is complete */
  addBlock(block: Buffer): boolean {
    this.#blocks++;
    const lines = (this.#line + block.toString('latin1')).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      this.#numbers.push(readDigits(line));
      if (this.#numbers.length > MAX_NUMBERS) throw tooManySegments();
      if (this.#numbers.length === (this.#numbers[0] ?? 0) * 2 + 1) return true;
    }
    if (this.#line.length > BLOCK_BYTES) throw corrupt('tar', 'the map of a sparse file has no end');
    return false;
  }

  /** @param archived bytes in the archive, with the list */
  finish(size: number, archived: number): SparseMap {
    return sparseMap(this.#numbers.slice(1), size, archived - this.#blocks * BLOCK_BYTES);
  }
}

function tooManySegments() {
  return corrupt('tar', 'a sparse file has more parts than the worker accepts');
}
