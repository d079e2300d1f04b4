import { Secret } from '../../base/index.ts';
import { inJson } from './encodings.ts';
import { listOf, type SecretList } from './secret-list.ts';
import { spellingsOfWhole } from './spellings.ts';

/**
 * What the log of one run hides: the secrets of the worker, and those of its own task. A task chooses its secrets, so that
 * they must not change what the logs of others say.
 */
export class RunSecrets {
  readonly #shared: SecretList;
  readonly #onChange: (secrets: RunSecrets, hasAny: boolean) => void;
  /** By the texts. */
  #own: ReadonlyMap<string, Secret> = new Map();
  #changes = 0;
  readonly #all = listOf(
    () => [...this.#shared, ...this.#own.values()],
    () => this.#shared.version + this.#changes,
  );

  /**
   * @param shared the secrets that every log hides
   * @param onChange told when there are more secrets, or none any more
   */
  constructor(shared: SecretList, onChange: (secrets: RunSecrets, hasAny: boolean) => void) {
    this.#shared = shared;
    this.#onChange = onChange;
  }

  /** Hides more texts, and all their spellings. */
  hide(...secrets: readonly Secret[]): void {
    const words = secrets.flatMap(secret => spellingsOfWhole(secret.reveal()));
    const added = words.filter(word => !this.#own.has(word)).map(word => [word, new Secret(word)] as const);
    if (added.length > 0) this.#change(new Map([...this.#own, ...added]));
  }

  /** To be called when the run is over. */
  forget(): void {
    if (this.#own.size > 0) this.#change(new Map());
  }

  /** Every text to be hidden. The logs of all runs without secrets of their own have one list, and so one search for it. */
  get all(): SecretList {
    return this.#own.size === 0 ? this.#shared : this.#all;
  }

  /** The task's own, as they are written into JSON. */
  get inJson(): readonly string[] {
    return [...this.#own.keys()].map(inJson);
  }

  #change(own: ReadonlyMap<string, Secret>): void {
    this.#own = own;
    this.#changes += 1;
    this.#onChange(this, own.size > 0);
  }
}
