import { createRequire } from 'node:module';
import { PulseError } from './errors.ts';

/** The type of an option's value. `list` is an array, `object` any other object, and `any` is checked elsewhere. */
type Kind =
  | 'text'
  | 'secret'
  | 'number'
  | 'boolean'
  | 'function'
  | 'object'
  | 'list'
  | 'observable'
  | 'signal'
  | 'false'
  | 'any';

/** All options of a function, each with the kinds of value that it accepts. */
export type OptionKinds<T> = { readonly [Name in keyof Required<T>]: Kind | readonly Kind[] };

const CHECKS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: value => typeof value === 'string',
  secret: value => typeof (value as { reveal?: unknown } | null)?.reveal === 'function',
  number: value => typeof value === 'number',
  boolean: value => typeof value === 'boolean',
  function: value => typeof value === 'function',
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  list: Array.isArray,
  observable: value => typeof (value as { subscribe?: unknown } | null)?.subscribe === 'function',
  signal: value => typeof (value as { aborted?: unknown } | null)?.aborted === 'boolean',
  false: value => value === false,
  any: () => true,
};

const NAMES: Readonly<Record<Kind, string>> = {
  text: 'a string',
  secret: 'a Secret',
  number: 'a number',
  boolean: 'true or false',
  function: 'a function',
  object: 'an object',
  list: 'an array',
  observable: 'an Observable',
  signal: 'an AbortSignal',
  false: 'false',
  any: 'anything',
};

/**
 * Checks the options of a call, for JavaScript callers without a compiler. An option that is `undefined` counts as
 * missing.
 *
 * @param call the name of the call in error messages, such as `consume`
 * @throws PulseError `invalid`, which names the call, the option, and the option that was probably meant. It never
 *   contains a value, because values may be secret
 */
export function checkOptions<T>(call: string, options: unknown, kinds: OptionKinds<T>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new PulseError('invalid', `${call} needs an object of options, not ${described(options)}`);
  }
  // `for…in` includes inherited options.
  for (const name in options) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined && Object.hasOwn(kinds, name)) continue;
    if (!Object.hasOwn(kinds, name))
      throw new PulseError('invalid', unknownOption(call, name, Object.keys(kinds)));
    const kind = (kinds as Readonly<Record<string, Kind | readonly Kind[]>>)[name] ?? 'any';
    const allowed: readonly Kind[] = typeof kind === 'string' ? [kind] : kind;
    if (allowed.some(one => CHECKS[one](value))) continue;
    throw new PulseError(
      'invalid',
      `${call}: the option ${name} must be ${allowed.map(one => NAMES[one]).join(' or ')}, not ${described(value)}`,
    );
  }
}

function unknownOption(call: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const advice = near === undefined ? `its options are ${known.join(', ')}` : `did you mean ${near}?`;
  return `${call} has no option ${name.slice(0, 60)}; ${advice}`;
}

function nearest(name: string, known: readonly string[]): string | undefined {
  // Loaded only after a mistake.
  const require = createRequire(import.meta.url);
  const { closest, distance } = require('fastest-levenshtein') as typeof import('fastest-levenshtein');
  const wanted = name.toLowerCase();
  const near = known.find(
    one =>
      one.toLowerCase() ===
      closest(
        wanted,
        known.map(each => each.toLowerCase()),
      ),
  );
  if (near === undefined) return undefined;
  // Up to a third of the letters may be wrong. Two swapped letters count as two changes.
  return distance(wanted, near.toLowerCase()) <= Math.max(2, Math.floor(wanted.length / 3))
    ? near
    : undefined;
}

/** Names the type of a value and not the value itself, which may be secret. */
function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
}
