import { Transform } from 'node:stream';
import type { Secret } from '../../pulse/index.ts';

const REPLACEMENT = Buffer.from('[redacted]');
/** Shorter words would be found in innocent output. */
const SHORTEST_SECRET_BYTES = 8;

/**
 * The filter that all of a task's output passes on its way to the log: it replaces secrets and changes no other byte.
 * A secret may be cut by a chunk's end; only what may be the beginning of one is held back.
 *
 * @param secrets asked for at each chunk, since reclaims bring new ones
 */
export function redaction(secrets: () => Iterable<Secret>): Transform {
  let heldBack: Buffer = Buffer.alloc(0);
  const needles = () =>
    [...secrets()]
      .map(secret => Buffer.from(secret.reveal()))
      .filter(needle => needle.length >= SHORTEST_SECRET_BYTES);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const words = needles();
      const clean = replaceAll(heldBack.length === 0 ? chunk : Buffer.concat([heldBack, chunk]), words);
      const keep = beginningAtEnd(clean, words);
      heldBack = clean.subarray(clean.length - keep);
      done(null, keep === 0 ? clean : clean.subarray(0, clean.length - keep));
    },
    flush(done) {
      done(null, heldBack);
    },
  });
}

function replaceAll(text: Buffer, needles: readonly Buffer[]): Buffer {
  let clean = text;
  for (const needle of needles) {
    const pieces: Buffer[] = [];
    let from = 0;
    for (let at = clean.indexOf(needle); at >= 0; at = clean.indexOf(needle, from)) {
      pieces.push(clean.subarray(from, at), REPLACEMENT);
      from = at + needle.length;
    }
    if (from > 0) clean = Buffer.concat([...pieces, clean.subarray(from)]);
  }
  return clean;
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
