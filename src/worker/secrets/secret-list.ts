import type { Secret } from '../../base/index.ts';

/** Secrets that come and go. Each is the same object for as long as it is in the list. */
export interface SecretList extends Iterable<Secret> {
  /** Changes whenever the list does. */
  readonly version: number;
}

/** A list that is made anew each time it is read. */
export function listOf(secrets: () => Iterable<Secret>, version: () => number): SecretList {
  return {
    get version() {
      return version();
    },
    [Symbol.iterator]: () => secrets()[Symbol.iterator](),
  };
}
