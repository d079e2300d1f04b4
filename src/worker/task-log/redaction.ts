import type { Secret } from '../../base/index.ts';
import { presentSearch } from './present-search.ts';
import type { SecretSearch } from './secret-search.ts';

const REPLACEMENT = Buffer.from('[redacted]');
const NOTHING = Buffer.alloc(0);

/** What all of a task's output passes on its way to the log. */
export interface Redaction {
  /** Takes the next bytes, and gives what may be seen now: pieces of them, not copies. */
  pass(chunk: Buffer): Buffer[];
  /** Gives what was held back, when nothing follows any more. */
  end(): Buffer[];
}

/**
 * Hides every byte of every secret, also of a long piece of one, and changes no other. Secrets that overlap are hidden together. One may be cut by a
 * chunk's end, or be the beginning of a longer one; only what may be the beginning of a secret is held back.
 *
 * @param secrets asked for at each chunk, since reclaims bring new ones
 */
export function redaction(secrets: () => Iterable<Secret>): Redaction {
  const searchNow = presentSearch(secrets);
  let heldBack: Buffer = NOTHING;
  /** How many bytes of what is held back belong to a secret that is replaced already. */
  let hidden = 0;

  /** Lets go of `text` but for its last `keep` bytes. */
  const pass = (text: Buffer, keep: number, search: SecretSearch): Buffer[] => {
    const spans = search.spansIn(text);
    if (spans.length === 0 && hidden === 0 && keep === 0) {
      heldBack = NOTHING;
      return [text];
    }
    const end = text.length - keep;
    const pieces: Buffer[] = [];
    let at = hidden;
    for (const span of spans) {
      // What begins later is found again, with all that follows it.
      if (span.start >= end) break;
      if (span.start >= at) pieces.push(text.subarray(at, span.start), REPLACEMENT);
      at = Math.max(at, span.end);
    }
    if (at < end) pieces.push(text.subarray(at, end));
    hidden = Math.max(0, at - end);
    // A copy, since the rest of the chunk may be large.
    heldBack = keep === 0 ? NOTHING : Buffer.from(text.subarray(end));
    return pieces.filter(piece => piece.length > 0);
  };

  return {
    pass: chunk => {
      const search = searchNow();
      const text = heldBack.length === 0 ? chunk : Buffer.concat([heldBack, chunk]);
      return pass(text, search.beginningAtEnd(text), search);
    },
    end: () => pass(heldBack, 0, searchNow()),
  };
}
