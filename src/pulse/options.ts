import { LONGEST_TIMER_MS, suggestion } from '../base/index.ts';
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
  secret: isSecret,
  number: value => typeof value === 'number',
  boolean: value => typeof value === 'boolean',
  function: value => typeof value === 'function',
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  list: Array.isArray,
  observable: value => hasFunctions(value, 'subscribe', 'pipe'),
  signal: value => hasFunctions(value, 'addEventListener', 'removeEventListener') && 'aborted' in value,
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
 * @param option the option whose properties are checked, such as `retry.backoff`. Without it, `options` are the
 *   options of the call themselves
 * @throws PulseError `invalid`, which names the call, the option, and the option that was probably meant. It never
 *   contains a value, because values may be secret
 */
export function checkOptions<T>(
  call: string,
  options: unknown,
  kinds: OptionKinds<T>,
  option?: string,
): asserts options is object {
  if (!CHECKS.object(options)) {
    throw new PulseError('invalid', `${call} needs an object of options, not ${described(options)}`);
  }
  const all: Readonly<Record<string, Kind | readonly Kind[]>> = kinds;
  // `for…in` includes inherited options.
  for (const name in options as object) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (!Object.hasOwn(all, name)) {
      const where = option === undefined ? call : `${call}: the option ${option}`;
      throw new PulseError('invalid', `${where} has no option ${name.slice(0, 60)}${advice(name, all)}`);
    }
    const kind = all[name] ?? 'any';
    const allowed: readonly Kind[] = typeof kind === 'string' ? [kind] : kind;
    if (value === undefined || allowed.some(one => CHECKS[one](value))) continue;
    const path = option === undefined ? name : `${option}.${name}`;
    const wanted = allowed.map(one => NAMES[one]).join(' or ');
    throw new PulseError('invalid', `${call}: the option ${path} must be ${wanted}, not ${described(value)}`);
  }
}

/**
 * Checks a time limit or an interval in ms.
 *
 * @param name the option, as error messages show it
 * @throws PulseError `invalid` for NaN and for a number below `least`
 */
export function checkMs(name: string, ms: number | undefined, least: number): void {
  if (ms === undefined || ms >= least) return;
  throw new PulseError('invalid', `${name} is ${ms}; it must be at least ${least}`);
}

/** Checks the delays of a backoff. A timer fires at once if its delay is longer than about 24 days. */
export function areDelays(...delays: readonly unknown[]): boolean {
  return delays.every(ms => typeof ms === 'number' && ms >= 0 && ms <= LONGEST_TIMER_MS);
}

/** Whether a value is a Secret. It may come from another copy of this package. */
export function isSecret(value: unknown): value is { reveal(): string } {
  return hasFunctions(value, 'reveal');
}

/** Names the type of a value and not the value itself, which may be secret. */
export function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
}

function hasFunctions(value: unknown, ...names: readonly string[]): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every(name => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function')
  );
}

function advice(name: string, kinds: object): string {
  const known = Object.keys(kinds);
  return suggestion(name, known) || `; its options are ${known.join(', ')}`;
}
