import type { Secret } from '../../base/index.ts';
import { presentSearch } from './present-search.ts';
import type { SecretSearch } from './secret-search.ts';

const REPLACEMENT = Buffer.from('[redacted]');
const NOTHING = Buffer.alloc(0);

/** Removes secrets from a task's output on its way to the log. */
export interface Redaction {
  /** Takes the next bytes, and returns the bytes that may be shown now. These are slices, not copies. */
  pass(chunk: Buffer): Buffer[];
  /** Returns the bytes that were held back, at the end of the output. */
  end(): Buffer[];
}

/**
 * Hides every byte of every secret, including each long piece of one, and changes no other byte. Overlapping
 * secrets are hidden together. A secret may be split between chunks, or be the beginning of a longer one. Only
 * bytes that may begin a secret are held back.
 *
 * @param secrets called for each chunk, because reclaims bring new ones
 */
export function redaction(secrets: () => Iterable<Secret>): Redaction {
  const searchNow = presentSearch(secrets);
  let heldBack: Buffer = NOTHING;
  /** Number of held-back bytes that belong to a secret that is already replaced. */
  let hidden = 0;

  /** Releases `text` except for its last `keep` bytes. */
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
      // A secret that begins later is found again, with everything that follows.
      if (span.start >= end) break;
      if (span.start >= at) pieces.push(text.subarray(at, span.start), REPLACEMENT);
      at = Math.max(at, span.end);
    }
    if (at < end) pieces.push(text.subarray(at, end));
    hidden = Math.max(0, at - end);
    // A copy, because the rest of the chunk may be large.
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
