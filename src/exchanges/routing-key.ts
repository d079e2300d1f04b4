import { suggestion } from '../base/index.ts';
import { checkRoutingKey, PulseError } from '../pulse/index.ts';

/** One part of a routing key, as Taskcluster's references define it. */
export interface RoutingKeyPart {
  readonly name: string;
  /** The word that the part always is. You neither give it nor get it. */
  readonly constant?: string;
  /** Whether every message has the part. A message without it has `_` in its place. */
  readonly required: boolean;
  /** Whether the part may have dots. Only the last part of a key may. */
  readonly multipleWords: boolean;
}

export type RoutingKey = readonly RoutingKeyPart[];

/** The value of a part. Numbers are allowed, for `runId`. */
export type PartValue = string | number;

type NameOf<P> = P extends { readonly constant: string }
  ? never
  : P extends RoutingKeyPart
    ? P['name']
    : never;
type RequiredName<P> = P extends { readonly required: true } ? NameOf<P> : never;
type OptionalName<P> = P extends { readonly required: true } ? never : NameOf<P>;

/** The parts of a routing key `K`, by name: required if every message has the part, else optional. */
export type Parts<K extends RoutingKey, V extends PartValue = string> = Readonly<
  Record<RequiredName<K[number]>, V> & Partial<Record<OptionalName<K[number]>, V>>
>;

/** Some parts of a routing key `K`. The other parts may be anything. */
export type SomeParts<K extends RoutingKey> = Readonly<Partial<Record<NameOf<K[number]>, PartValue>>>;

/** Parts by name, of any routing key. */
type GivenParts = Readonly<Record<string, PartValue | undefined>>;

/** Taskcluster writes this word for a part that it does not know. */
const UNKNOWN = '_';

/**
 * Parses a routing key into its parts. An optional part that Taskcluster does not know (`_`) is missing.
 *
 * @throws PulseError `invalid` if the text does not have these parts
 */
export function parseRoutingKey(key: RoutingKey, text: string): Record<string, string> {
  const words = text.split('.');
  const parts: Record<string, string> = {};
  for (const { name, constant, required, multipleWords } of key) {
    const taken = words.splice(0, multipleWords ? words.length : 1);
    const value = taken.join('.');
    if (taken.length === 0 && (required || !multipleWords)) throw misfit(key, text, `it has no ${name}`);
    if (taken.length > 0 && value === '') throw misfit(key, text, `its ${name} is empty`);
    if (constant !== undefined && value !== constant) throw misfit(key, text, `it is not a ${constant} key`);
    const known = required || (taken.length > 0 && value !== UNKNOWN);
    if (known && constant === undefined) parts[name] = value;
  }
  if (words.length > 0) throw misfit(key, text, `it goes on with ${words.join('.')}`);
  return parts;
}

/**
 * Makes a routing key. A part that is not given becomes `_`.
 *
 * @throws PulseError `invalid` if a required part is missing, a part is unknown or has a dot that it must not have, or the key
 *   has more than 255 bytes
 */
export function buildRoutingKey(key: RoutingKey, given: GivenParts): string {
  refuseUnknownParts(key, given);
  const words = key.map(part => {
    const word = part.constant ?? wordOf(part, given);
    if (word === undefined && part.required) {
      throw new PulseError('invalid', `a routing key ${form(key)} needs ${part.name}`);
    }
    return word ?? UNKNOWN;
  });
  return checkRoutingKey(words.join('.'));
}

/**
 * Makes a topic pattern. A part that is not given becomes `*`, or `#` if it may have several words.
 *
 * @throws PulseError `invalid` as {@link buildRoutingKey} does, except for missing parts
 */
export function buildPattern(key: RoutingKey, given: GivenParts): string {
  refuseUnknownParts(key, given);
  const words = key.map(part => {
    const word = part.constant ?? wordOf(part, given);
    if (word === '#' && !part.multipleWords) {
      throw new PulseError('invalid', `${part.name} is one word of a routing key: use * for any word, not #`);
    }
    return word ?? (part.multipleWords ? '#' : '*');
  });
  return words.join('.');
}

function wordOf({ name, multipleWords }: RoutingKeyPart, given: GivenParts): string | undefined {
  const value: unknown = given[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' && !(typeof value === 'number' && Number.isInteger(value))) {
    throw new PulseError('invalid', `${name} must be a string or a whole number`);
  }
  const word = String(value);
  if (word === '') throw new PulseError('invalid', `${name} is empty: leave it out if you do not know it`);
  if (!multipleWords && word.includes('.')) {
    throw new PulseError('invalid', `${name} is one word of a routing key and cannot have a dot: ${word}`);
  }
  return word;
}

function refuseUnknownParts(key: RoutingKey, given: GivenParts): void {
  if (typeof given !== 'object' || (given as unknown) === null) {
    throw new PulseError('invalid', `the parts of a routing key ${form(key)} must be an object`);
  }
  const known = key.filter(({ constant }) => constant === undefined).map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const meant = suggestion(name, known);
    throw new PulseError(
      'invalid',
      `a routing key ${form(key)} has no part ${name} that you can give${meant}`,
    );
  }
}

function misfit(key: RoutingKey, text: string, why: string): PulseError {
  return new PulseError('invalid', `routing key ${text} does not fit ${form(key)}: ${why}`);
}

/** The form of a key, for messages: `primary.<taskId>.<runId>`. */
function form(key: RoutingKey): string {
  return key.map(({ name, constant }) => constant ?? `<${name}>`).join('.');
}
