import { wordTree } from './word-tree.ts';

/** The position of a secret in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds every occurrence of words in a text, including overlapping ones. */
export interface SecretSearch {
  /** Adds words. The cost depends only on the new words. */
  add(words: readonly Buffer[]): void;
  /** In order of their starts. Of words that start at the same place, only the longest is returned. */
  spansIn(text: Buffer): Span[];
  /** Returns the length of the longest suffix of `text` that is a proper prefix of a word. */
  beginningAtEnd(text: Buffer): number;
}

/** This many bytes at the end of a window are examined first. No word may be shorter. */
const BLOCK = 3;
/** Number of hash values: small if there are few words. */
const hashesFor = (words: number) => 1 << (words > MANY_WORDS ? 16 : 13);
const MANY_WORDS = 64;
/** The longest shift of a window, which must fit into a byte. */
const LONGEST_MOVE = 255;

/**
 * Prepares a search for words, of which there may be thousands: each reclaim of a long task adds some, and a
 * task may have many secrets of its own.
 *
 * A window with the length of the shortest word moves over the text (the algorithm of Wu and Manber). For the
 * last bytes in the window, a table gives the smallest shift after which a word may begin at the window's
 * start. So most of a text is never examined, and the number of words hardly matters. Where a word may begin,
 * the search follows a tree of all words, so words with the same prefix, which a task may choose, cost no more
 * than one.
 */
export function secretSearch(words: readonly Buffer[] = []): SecretSearch {
  const all: Buffer[] = [];
  const tree = wordTree();
  let shortest = Infinity;
  let longest = 0;
  let { hashes, moves, beginnings } = tables(0, shortest);
  const hashAt = (text: Buffer, last: number) => hashOf(text, last) & (hashes - 1);
  const enter = (word: Buffer) => {
    beginnings[hashAt(word, BLOCK - 1)] = 1;
    for (let last = BLOCK - 1; last < shortest; last++) {
      const hash = hashAt(word, last);
      moves[hash] = Math.min(moves[hash] ?? 0, shortest - 1 - last);
    }
  };
  const add = (more: readonly Buffer[]) => {
    const before = shortest;
    for (const word of more) {
      tree.add(word);
      all.push(word);
      shortest = Math.min(shortest, word.length);
      longest = Math.max(longest, word.length);
    }
    const fits = shortest === before && hashesFor(all.length) === hashes;
    if (!fits) ({ hashes, moves, beginnings } = tables(all.length, shortest));
    for (const word of fits ? more : all) enter(word);
  };
  add(words);

  return {
    add,
    spansIn: text => {
      const spans: Span[] = [];
      for (let last = shortest - 1; last < text.length;) {
        const move = moves[hashAt(text, last)] ?? 0;
        if (move > 0) {
          last += move;
          continue;
        }
        const start = last - shortest + 1;
        const length = tree.longestAt(text, start);
        if (length > 0) spans.push({ start, end: start + length });
        last++;
      }
      return spans;
    },
    beginningAtEnd: text => {
      for (let start = Math.max(0, text.length - longest + 1); start < text.length; start++) {
        const last = start + BLOCK - 1;
        // A task that writes many small pieces has each of them searched at every byte.
        if (last < text.length && beginnings[hashAt(text, last)] === 0) continue;
        if (tree.isBeginning(text, start)) return text.length - start;
      }
      return 0;
    },
  };
}

/** Without any word, a window may shift by its whole length. */
function tables(words: number, shortest: number) {
  const hashes = hashesFor(words);
  return {
    hashes,
    moves: new Uint8Array(hashes).fill(Math.min(shortest - BLOCK + 1, LONGEST_MOVE)),
    /** Whether a word begins with bytes of this hash. */
    beginnings: new Uint8Array(hashes),
  };
}

/** Returns a hash of the last bytes of a window that ends at `last`, with 18 bits. */
function hashOf(text: Buffer, last: number): number {
  return ((text[last - 2] ?? 0) << 10) ^ ((text[last - 1] ?? 0) << 5) ^ (text[last] ?? 0);
}
