import type { Secret } from '../../base/index.ts';

/** A changing list of secrets. Each secret is the same object as long as it is in the list. */
export interface SecretList extends Iterable<Secret> {
  /** Changes whenever the list does. */
  readonly version: number;
}

/** Creates a list that is computed each time it is read. */
export function listOf(secrets: () => Iterable<Secret>, version: () => number): SecretList {
  return {
    get version() {
      return version();
    },
    [Symbol.iterator]: () => secrets()[Symbol.iterator](),
  };
}
