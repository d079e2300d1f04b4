import { Transform } from 'node:stream';
import type { Secret } from '../../pulse/index.ts';

const REPLACEMENT = Buffer.from('[redacted]');
/** Shorter words would be found in innocent output. */
const SHORTEST_SECRET_BYTES = 8;

/**
 * The filter that all of a task's output passes on its way to the log: it hides every byte of every secret and changes
 * no other. Secrets that overlap are hidden together. One may be cut by a chunk's end, or be the beginning of a longer
 * one; only what may be the beginning of a secret is held back.
 *
 * @param secrets asked for at each chunk, since reclaims bring new ones
 */
export function redaction(secrets: () => Iterable<Secret>): Transform {
  let heldBack: Buffer = Buffer.alloc(0);
  /** How many bytes of what is held back belong to a secret that is replaced already. */
  let hidden = 0;

  /** Lets go of `text` but for its last `keep` bytes. */
  const pass = (text: Buffer, keep: number, needles: readonly Buffer[]): Buffer => {
    const end = text.length - keep;
    const pieces: Buffer[] = [];
    let at = hidden;
    for (const span of spansOf(needles, text)) {
      // What begins later is found again, with all that follows it.
      if (span.start >= end) break;
      if (span.start >= at) pieces.push(text.subarray(at, span.start), REPLACEMENT);
      at = Math.max(at, span.end);
    }
    if (at < end) pieces.push(text.subarray(at, end));
    hidden = Math.max(0, at - end);
    heldBack = text.subarray(end);
    return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  };

  const needles = () =>
    [...secrets()]
      .map(secret => Buffer.from(secret.reveal()))
      .filter(needle => needle.length >= SHORTEST_SECRET_BYTES);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const words = needles();
      const text = heldBack.length === 0 ? chunk : Buffer.concat([heldBack, chunk]);
      done(null, pass(text, beginningAtEnd(text, words), words));
    },
    flush(done) {
      done(null, pass(heldBack, 0, needles()));
    },
  });
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the needles are, each time that they are there, in the order of their beginnings. */
function spansOf(needles: readonly Buffer[], text: Buffer): Span[] {
  const spans: Span[] = [];
  for (const needle of needles) {
    for (let start = text.indexOf(needle); start >= 0; start = text.indexOf(needle, start + 1)) {
      spans.push({ start, end: start + needle.length });
    }
  }
  return spans.sort((one, other) => one.start - other.start);
}

/** The length of the longest end of `text` that is the beginning of a needle. */
function beginningAtEnd(text: Buffer, needles: readonly Buffer[]): number {
  let longest = 0;
  for (const needle of needles) {
    const most = Math.min(needle.length - 1, text.length);
    for (let length = most; length > longest; length--) {
      if (text.subarray(text.length - length).equals(needle.subarray(0, length))) longest = length;
    }
  }
  return longest;
}
