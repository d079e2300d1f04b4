import type { Secret } from '../../base/index.ts';
import type { SecretList } from '../secrets/secret-list.ts';
import { SHORTEST_SECRET_BYTES } from '../secrets/spellings.ts';
import { secretSearch, type SecretSearch } from './secret-search.ts';

/**
 * Longer secrets are searched in pieces of this many bytes. So they cost no more, and a log holds back no more
 * than a piece.
 */
const PIECE_BYTES = 256;

/** All logs that hide the same list share one search. */
const searches = new WeakMap<Iterable<Secret>, FollowingSearch>();

/**
 * Returns the search for the present secrets.
 *
 * @param secrets called each time. A {@link SecretList} is read again only when it has changed
 */
export function presentSearch(secrets: () => Iterable<Secret>): () => SecretSearch {
  const own = new FollowingSearch();
  return () => {
    const now = secrets();
    if (!isList(now)) return own.follow(now, undefined);
    let shared = searches.get(now);
    if (!shared) searches.set(now, (shared = new FollowingSearch()));
    return shared.follow(now, now.version);
  };
}

function isList(secrets: Iterable<Secret>): secrets is SecretList {
  return 'version' in secrets;
}

/**
 * A search that follows a list of secrets. Each run adds a few secrets to a list of hundreds, so only these are
 * prepared. Secrets that have left the list are still hidden, until there are as many of them as in the list.
 */
class FollowingSearch {
  #search = secretSearch();
  readonly #known = new Set<Secret>();
  #version: number | undefined;

  follow(secrets: Iterable<Secret>, version: number | undefined): SecretSearch {
    if (version !== undefined && version === this.#version) return this.#search;
    this.#version = version;
    const present = new Set(secrets);
    const hasLeft = [...this.#known].filter(secret => !present.has(secret)).length;
    if (hasLeft > present.size) {
      this.#search = secretSearch();
      this.#known.clear();
    }
    const added = [...present].filter(secret => !this.#known.has(secret));
    for (const secret of added) this.#known.add(secret);
    this.#search.add(added.flatMap(wordsOf));
    return this.#search;
  }
}

function wordsOf(secret: Secret): Buffer[] {
  const word = Buffer.from(secret.reveal());
  return word.length < SHORTEST_SECRET_BYTES ? [] : piecesOf(word);
}

/**
 * Splits a word into pieces of the same length that overlap by a byte, so that the pieces of one secret are
 * hidden by one replacement.
 */
function piecesOf(word: Buffer): Buffer[] {
  if (word.length <= PIECE_BYTES) return [word];
  const pieces = [word.subarray(word.length - PIECE_BYTES)];
  for (let at = 0; at < word.length - PIECE_BYTES; at += PIECE_BYTES - 1) {
    pieces.push(word.subarray(at, at + PIECE_BYTES));
  }
  return pieces;
}
