import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../worker/config/index.ts';
import { suggestion } from '../words/nearest.ts';
import { cannotLoad, type Problem } from './problem.ts';

/** A value as it was given, and where. */
export interface Setting {
  readonly value: unknown;
  /** Where, in words a user finds it by: `variable TCW_CAPACITY`, `flag --capacity`, `file tcw.yml`. */
  readonly place: string;
  /** Nobody may be told the value: it comes from a secret. */
  readonly isSecret?: true;
}

/** Settings by the name of their property. */
export type Settings = ReadonlyMap<string, Setting>;

/** Something in a configuration that is not wrong and that its author should know. */
export interface ConfigWarning {
  /** Its name, or the names of several. */
  readonly property: string;
  readonly place: string;
  readonly message: string;
}

/** One place that properties come from: what it says, by property, and what is wrong with it. */
export interface Source {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings?: readonly ConfigWarning[];
  /** It could not be read at all, so nobody knows what it would have said. */
  readonly unreadable?: true;
}

export function isKnown(name: string): boolean {
  return PROPERTIES.has(name) || OBSOLETE_PROPERTIES.has(name);
}

/**
 * A name that nothing is called. The message holds the name alone, never the value beside it: that may be a secret
 * under a mistyped name.
 *
 * @param what `unknown property`, `unknown option` and so on
 */
export function unknownName(
  place: string,
  what: string,
  name: string,
  candidates: Iterable<string>,
): Problem {
  return cannotLoad(`${place}: ${what} ${name}${suggestion(name, candidates)}`);
}
