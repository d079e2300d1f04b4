import { Secret } from '../../base/index.ts';
import { inJson } from './encodings.ts';
import { longestFirst } from './longest-first.ts';
import { RunSecrets } from './run-secrets.ts';
import { listOf, type SecretList } from './secret-list.ts';
import { spellingsOf } from './spellings.ts';

/**
 * At least this many groups of unused secrets are still hidden, because the queue accepts such tokens for a
 * while.
 */
const KEPT = 8;
/** Plus this many for each group that was in use at the same time: more concurrent runs leave more such tokens. */
const KEPT_FOR_EACH = 2;

interface Words {
  readonly secrets: readonly Secret[];
  /** The same texts as they appear in JSON. */
  readonly inJson: readonly string[];
}

/**
 * The secrets that a worker holds: its own, and the credentials of all its runs. A task may get hold of another
 * run's credentials, so every log hides all of them. Secrets of a task are hidden in its own log, see {@link
 * RunSecrets}, and in the worker's log.
 */
export class LiveSecrets {
  readonly #groups = new Set<Words>();
  readonly #unused: Words[] = [];
  /** The largest number of groups that were in use at the same time. */
  #maxUsed = 0;
  readonly #ofRuns = new Set<RunSecrets>();
  #version = 0;
  #inJson: readonly string[] | undefined;

  /**
   * Adds secrets that belong together.
   *
   * @returns a function to call when they are no longer used; further calls have no effect
   */
  add(...secrets: readonly (Secret | undefined)[]): () => void {
    const words = secrets.flatMap(secret => (secret ? spellingsOf(secret.reveal()) : []));
    const group = { secrets: words.map(word => new Secret(word)), inJson: words.map(inJson) };
    this.#groups.add(group);
    this.#maxUsed = Math.max(this.#maxUsed, this.#groups.size - this.#unused.length);
    this.#changed();
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      this.#unused.push(group);
      if (this.#unused.length <= Math.max(KEPT, KEPT_FOR_EACH * this.#maxUsed)) return;
      const [oldest = group] = this.#unused.splice(0, 1);
      this.#groups.delete(oldest);
      this.#changed();
    };
  }

  /** Adds every secret among the values of an object, such as a configuration. */
  addAllOf(values: object): () => void {
    return this.add(...Object.values(values).filter(value => value instanceof Secret));
  }

  /** Creates the secrets that a run's log hides. */
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

  /** Hides every secret, including those of tasks, in the strings of a JSON text. */
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
