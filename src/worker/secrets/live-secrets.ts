import { Secret } from '../../pulse/index.ts';
import { inJson, spellingsOf } from './spellings.ts';

/** At least so many groups of secrets that are no longer used are still hidden: the queue accepts such tokens for a while. */
const KEPT = 8;
/** And so many for each group that was in use at the same time: the more runs at a time, the more such tokens. */
const KEPT_FOR_EACH = 2;

interface Words {
  readonly words: readonly string[];
  /** The same as they are written into JSON. */
  readonly inJson: readonly string[];
}

/**
 * The secrets that a worker holds at a time: its own, and the credentials of all its runs. A task may come upon those of
 * another run, so that every log hides all of them.
 */
export class LiveSecrets {
  readonly #groups = new Set<Words>();
  readonly #unused: Words[] = [];
  /** How many groups were in use at the same time, at most. */
  #mostUsed = 0;
  #known: { readonly inJson: readonly string[]; readonly all: readonly Secret[] } | undefined;

  /**
   * Adds secrets that belong together.
   *
   * @returns to be called when they are no longer used; again does nothing
   */
  add(...secrets: readonly (Secret | undefined)[]): () => void {
    const words = secrets.flatMap(secret => (secret ? spellingsOf(secret.reveal()) : []));
    const group = { words, inJson: words.map(inJson) };
    this.#groups.add(group);
    this.#mostUsed = Math.max(this.#mostUsed, this.#groups.size - this.#unused.length);
    this.#known = undefined;
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#unused.push(group);
      if (this.#unused.length <= Math.max(KEPT, KEPT_FOR_EACH * this.#mostUsed)) return;
      const [oldest = group] = this.#unused.splice(0, 1);
      this.#groups.delete(oldest);
      this.#known = undefined;
    };
  }

  /** Adds whatever is a secret among the values of an object, such as a configuration. */
  addAllOf(values: object): () => void {
    return this.add(...Object.values(values).filter(value => value instanceof Secret));
  }

  /** Every text to be hidden: the same list as long as nothing changes. */
  get all(): readonly Secret[] {
    return this.#present().all;
  }

  /** Hides every secret in the strings of a JSON text. */
  hideInJson(json: string): string {
    return this.#present()
      .inJson.filter(word => json.includes(word))
      .reduce((text, word) => text.replaceAll(word, () => '[redacted]'), json);
  }

  #present() {
    if (!this.#known) {
      const groups = [...this.#groups];
      this.#known = {
        inJson: longestFirst(groups.flatMap(group => group.inJson)),
        all: Object.freeze(longestFirst(groups.flatMap(({ words }) => words)).map(word => new Secret(word))),
      };
    }
    return this.#known;
  }
}

/** Each word once. Nothing of a long one must be left over where a shorter one is a part of it. */
function longestFirst(words: readonly string[]): string[] {
  return [...new Set(words)].sort((one, other) => other.length - one.length);
}
