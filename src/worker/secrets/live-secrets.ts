import { Secret } from '../../base/index.ts';
import { inJson } from './encodings.ts';
import { longestFirst } from './longest-first.ts';
import { RunSecrets } from './run-secrets.ts';
import { listOf, type SecretList } from './secret-list.ts';
import { spellingsOf } from './spellings.ts';

/** At least so many groups of secrets that are no longer used are still hidden: the queue accepts such tokens for a while. */
const KEPT = 8;
/** And so many for each group that was in use at the same time: the more runs at a time, the more such tokens. */
const KEPT_FOR_EACH = 2;

interface Words {
  readonly secrets: readonly Secret[];
  /** The same as they are written into JSON. */
  readonly inJson: readonly string[];
}

/**
 * The secrets that a worker holds at a time: its own, and the credentials of all its runs. A task may come upon those of
 * another run, so that every log hides all of them. What a task itself brings is hidden in its own log, see
 * {@link RunSecrets}, and in that of the worker.
 */
export class LiveSecrets {
  readonly #groups = new Set<Words>();
  readonly #unused: Words[] = [];
  /** How many groups were in use at the same time, at most. */
  #mostUsed = 0;
  readonly #ofRuns = new Set<RunSecrets>();
  #version = 0;
  #inJson: readonly string[] | undefined;

  /**
   * Adds secrets that belong together.
   *
   * @returns to be called when they are no longer used; again does nothing
   */
  add(...secrets: readonly (Secret | undefined)[]): () => void {
    const words = secrets.flatMap(secret => (secret ? spellingsOf(secret.reveal()) : []));
    const group = { secrets: words.map(word => new Secret(word)), inJson: words.map(inJson) };
    this.#groups.add(group);
    this.#mostUsed = Math.max(this.#mostUsed, this.#groups.size - this.#unused.length);
    this.#changed();
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#unused.push(group);
      if (this.#unused.length <= Math.max(KEPT, KEPT_FOR_EACH * this.#mostUsed)) return;
      const [oldest = group] = this.#unused.splice(0, 1);
      this.#groups.delete(oldest);
      this.#changed();
    };
  }

  /** Adds whatever is a secret among the values of an object, such as a configuration. */
  addAllOf(values: object): () => void {
    return this.add(...Object.values(values).filter(value => value instanceof Secret));
  }

  /** What the log of a run hides. */
  forRun(): RunSecrets {
    return new RunSecrets(this.all, (run, hasAny) => {
      if (hasAny) this.#ofRuns.add(run);
      else this.#ofRuns.delete(run);
      this.#inJson = undefined;
    });
  }

  /** Every text that all logs hide. */
  readonly all: SecretList = listOf(
    () => [...this.#groups].flatMap(({ secrets }) => secrets),
    () => this.#version,
  );

  /** Hides every secret, also of a task, in the strings of a JSON text. */
  hideInJson(json: string): string {
    this.#inJson ??= longestFirst([...this.#groups, ...this.#ofRuns].flatMap(({ inJson: words }) => words));
    return this.#inJson
      .filter(word => json.includes(word))
      .reduce((text, word) => text.replaceAll(word, () => '[redacted]'), json);
  }

  #changed(): void {
    this.#version += 1;
    this.#inJson = undefined;
  }
}
