/** Where a secret is in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds words in a text, each time that they are there, also where they overlap. */
export interface SecretSearch {
  /** In the order of their beginnings. */
  spansIn(text: Buffer): Span[];
  /** The length of the longest end of `text` that is the beginning of a word, and not the whole of it. */
  beginningAtEnd(text: Buffer): number;
}

/** So many bytes at the end of a window are looked at first. No word may be shorter. */
const BLOCK = 3;
/** How many values a hash has: few where there are few words, since a table is made for each run. */
const hashesFor = (words: number) => 1 << (words > 8 ? 16 : 13);
/** How far a window moves at the most, so that a byte can say it. */
const LONGEST_MOVE = 255;

/**
 * Prepares the search for words, of which there may be a hundred: each reclaim of a long task brings one.
 *
 * A window as long as the shortest word moves over the text (the algorithm of Wu and Manber). A table says for the last
 * bytes in it how far it may move at least until its beginning can be the beginning of a word. So most of a text is
 * never looked at, and the number of words hardly matters.
 */
export function secretSearch(words: readonly Buffer[]): SecretSearch {
  const shortest = Math.min(...words.map(word => word.length));
  if (words.length === 0) return { spansIn: () => [], beginningAtEnd: () => 0 };
  const hashes = hashesFor(words.length);
  const hashAt = (text: Buffer, last: number) => hashOf(text, last) & (hashes - 1);
  const moves = new Uint8Array(hashes).fill(Math.min(shortest - BLOCK + 1, LONGEST_MOVE));
  const candidates = new Map<number, Buffer[]>();
  const longest = Math.max(...words.map(word => word.length));
  const byFirstByte: (Buffer[] | undefined)[] = Array.from({ length: 256 });
  for (const word of words) (byFirstByte[word[0] ?? 0] ??= []).push(word);
  for (const word of words) {
    for (let last = BLOCK - 1; last < shortest; last++) {
      const hash = hashAt(word, last);
      moves[hash] = Math.min(moves[hash] ?? 0, shortest - 1 - last);
      if (last === shortest - 1) candidates.set(hash, [...(candidates.get(hash) ?? []), word]);
    }
  }

  return {
    spansIn: text => {
      const spans: Span[] = [];
      for (let last = shortest - 1; last < text.length;) {
        const hash = hashAt(text, last);
        const move = moves[hash] ?? 0;
        if (move > 0) {
          last += move;
          continue;
        }
        const start = last - shortest + 1;
        for (const word of candidates.get(hash) ?? []) {
          if (isAt(text, start, word, word.length)) spans.push({ start, end: start + word.length });
        }
        last++;
      }
      return spans;
    },
    beginningAtEnd: text => {
      for (let start = Math.max(0, text.length - longest + 1); start < text.length; start++) {
        const length = text.length - start;
        for (const word of byFirstByte[text[start] ?? 0] ?? []) {
          if (length < word.length && isAt(text, start, word, length)) return length;
        }
      }
      return 0;
    },
  };
}

/** The last bytes of a window that ends at `last`, in 18 bits. */
function hashOf(text: Buffer, last: number): number {
  return ((text[last - 2] ?? 0) << 10) ^ ((text[last - 1] ?? 0) << 5) ^ (text[last] ?? 0);
}

/** Whether the first `length` bytes of a word are at a place of a text. Mostly the first byte tells that they are not. */
function isAt(text: Buffer, start: number, word: Buffer, length: number): boolean {
  if (start + length > text.length) return false;
  let same = 0;
  while (same < length && text[start + same] === word[same]) same++;
  return same === length;
}
