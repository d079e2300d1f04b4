import { Secret } from '../../base/index.ts';
import { inJson } from './encodings.ts';
import { listOf, type SecretList } from './secret-list.ts';
import { spellingsOfWhole } from './spellings.ts';

/**
 * The secrets that one run's log hides: the worker's, and its own task's. A task chooses its secrets, so they
 * must not change the logs of other runs.
 */
export class RunSecrets {
  readonly #shared: SecretList;
  readonly #onChange: (secrets: RunSecrets, hasAny: boolean) => void;
  /** By text. */
  #own: ReadonlyMap<string, Secret> = new Map();
  #changes = 0;
  readonly #all = listOf(
    () => [...this.#shared, ...this.#own.values()],
    () => this.#shared.version + this.#changes,
  );

  /**
   * @param shared the secrets that every log hides
   * @param onChange called when secrets are added or removed
   */
  constructor(shared: SecretList, onChange: (secrets: RunSecrets, hasAny: boolean) => void) {
    this.#shared = shared;
    this.#onChange = onChange;
  }

  /** Hides more secrets, in every encoding. */
  hide(...secrets: readonly Secret[]): void {
    const words = secrets.flatMap(secret => spellingsOfWhole(secret.reveal()));
    const added = words.filter(word => !this.#own.has(word)).map(word => [word, new Secret(word)] as const);
    if (added.length > 0) this.#change(new Map([...this.#own, ...added]));
  }

  /** Call this when the run is over. */
  forget(): void {
    if (this.#own.size > 0) this.#change(new Map());
  }

  /** Every text to hide. The logs of all runs without secrets of their own share one list, and so one search. */
  get all(): SecretList {
    return this.#own.size === 0 ? this.#shared : this.#all;
  }

  /** The task's own secrets as they appear in JSON. */
  get inJson(): readonly string[] {
    return [...this.#own.keys()].map(inJson);
  }

  #change(own: ReadonlyMap<string, Secret>): void {
    this.#own = own;
    this.#changes += 1;
    this.#onChange(this, own.size > 0);
  }
}
