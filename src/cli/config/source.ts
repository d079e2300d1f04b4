import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../worker/config/index.ts';
import { suggestion } from '../../base/index.ts';
import { cannotLoad, type Problem } from './problem.ts';

/** A value and the place where it was given. */
export interface Setting {
  readonly value: unknown;
  /** The place, as a user would look for it: `variable TCW_CAPACITY`, `flag --capacity`, `file tcw.yml`. */
  readonly place: string;
  /** The value comes from a secret and must not be shown. */
  readonly isSecret?: true;
}

/** Settings by the name of their property. */
export type Settings = ReadonlyMap<string, Setting>;

/** A part of a configuration that is valid, but that its author should know about. */
export interface ConfigWarning {
  /** The name of the property, or of several properties. */
  readonly property: string;
  readonly place: string;
  readonly message: string;
}

/** One source of properties: its settings, by property, and its problems. */
export interface Source {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings?: readonly ConfigWarning[];
  /** The source could not be read, so the properties that it sets are unknown. */
  readonly unreadable?: true;
}

export function isKnown(name: string): boolean {
  return PROPERTIES.has(name) || OBSOLETE_PROPERTIES.has(name);
}

/**
 * Describes an unknown name. The message contains only the name, never the value beside it, which may be a secret under
 * a misspelt name.
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
