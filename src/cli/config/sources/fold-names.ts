import { OBSOLETE_PROPERTIES, PROPERTIES, type Property } from '../../../worker/config/index.ts';
import type { ConfigWarning } from '../source.ts';

type Entry = [name: string, value: unknown];

const byFolded: ReadonlyMap<string, string> = new Map(
  [...OBSOLETE_PROPERTIES.keys(), ...PROPERTIES.keys()].map(name => [name.toLowerCase(), name]),
);

/**
 * Replaces the names in a configuration file with the exact property names. generic-worker ignores the case of names
 * (Go's encoding/json), and real files contain `instanceID` for `instanceId`, and both `workerTypeMetaData` and
 * `workerTypeMetadata`.
 *
 * `null` and an empty string set nothing. If two spellings name one property, the exact spelling wins, otherwise the
 * later one. Objects are merged in that order.
 */
export function foldNames(
  given: readonly Entry[],
  place: string,
): { readonly entries: Entry[]; readonly warnings: readonly ConfigWarning[] } {
  const folded = new Map<string, unknown>();
  const warnings: ConfigWarning[] = [];
  const isExact = ([name]: Entry) => PROPERTIES.has(name) || OBSOLETE_PROPERTIES.has(name);
  // Exact names come last, so that they win.
  const set = given.filter(([, value]) => value !== null && value !== '');
  const inOrder = [...set.filter(entry => !isExact(entry)), ...set.filter(isExact)];
  for (const [written, value] of inOrder) {
    const name = nameOf(written);
    const before = folded.get(name);
    const property = PROPERTIES.get(name);
    const isMerged = property?.type === 'object' && isObject(before) && isObject(value);
    if (folded.has(name) && !isMerged) {
      const message = `${name} is given in two spellings; ${written} is used`;
      warnings.push({ property: name, place, message });
    }
    const withKeys = property?.keys && isObject(value) ? foldKeys(value, property.keys) : value;
    folded.set(name, isMerged ? { ...before, ...(withKeys as object) } : withKeys);
  }
  return { entries: [...folded], warnings };
}

function nameOf(written: string): string {
  return byFolded.get(written.toLowerCase()) ?? written;
}

/** Does the same for the keys of an object with a fixed set of keys. */
function foldKeys(value: object, keys: NonNullable<Property['keys']>): object {
  const names = new Map(Object.keys(keys).map(key => [key.toLowerCase(), key]));
  const entries = Object.entries(value).map(([key, inner]): Entry => [
    names.get(key.toLowerCase()) ?? key,
    inner,
  ]);
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
