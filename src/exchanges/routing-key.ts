import { checkRoutingKey, PulseError } from '../pulse/index.ts';

/** One part of a routing key, as Taskcluster's references describe it. */
export interface RoutingKeyPart {
  readonly name: string;
  /** The part is always this word, and nobody has to give it. */
  readonly constant?: string;
  /** Whether a message always has it. One that does not says `_`. */
  readonly required: boolean;
  /** Whether it may have dots. Only the last part of a key may. */
  readonly multipleWords: boolean;
}

export type RoutingKey = readonly RoutingKeyPart[];

/** A part as it is given: a runId may stay the number it is. */
export type PartValue = string | number;

type NameOf<P> = P extends { readonly constant: string }
  ? never
  : P extends RoutingKeyPart
    ? P['name']
    : never;
type RequiredName<P> = P extends { readonly required: true } ? NameOf<P> : never;
type OptionalName<P> = P extends { readonly required: true } ? never : NameOf<P>;

/** The named parts of a routing key `K`: those that every message has, and those that some have. */
export type Parts<K extends RoutingKey, V extends PartValue = string> = Readonly<
  Record<RequiredName<K[number]>, V> & Partial<Record<OptionalName<K[number]>, V>>
>;

/** Some of the parts of a routing key `K`: the others may be anything. */
export type SomeParts<K extends RoutingKey> = Readonly<Partial<Record<NameOf<K[number]>, PartValue>>>;

/** Parts by name, when the compiler does not know which key they are for. */
type GivenParts = Readonly<Record<string, PartValue | undefined>>;

/** Taskcluster writes this word for a part that is not known. */
const UNKNOWN = '_';

/**
 * Reads a routing key into its named parts. A part that is not known (`_`) is left out where that may happen.
 *
 * @throws PulseError `invalid` when the text does not fit the parts
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
 * Writes a routing key. A part that was not given becomes `_`.
 *
 * @throws PulseError `invalid` when a required part is missing, a part is not known or has dots it must not have,
 *   or the key has more than 255 bytes
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
 * Writes a topic pattern. A part that was not given becomes `*`, or `#` where it may have several words.
 *
 * @throws PulseError `invalid` as {@link buildRoutingKey}, but for parts that are missing
 */
export function buildPattern(key: RoutingKey, given: GivenParts): string {
  refuseUnknownParts(key, given);
  const words = key.map(part => {
    const word = part.constant ?? wordOf(part, given);
    if (word === '#' && !part.multipleWords) {
      throw new PulseError('invalid', `${part.name} is one word of a routing key: say * for any, not #`);
    }
    return word ?? (part.multipleWords ? '#' : '*');
  });
  return words.join('.');
}

function wordOf({ name, multipleWords }: RoutingKeyPart, given: GivenParts): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  const word = String(value);
  if (word === '') throw new PulseError('invalid', `${name} is empty: leave it out if it is not known`);
  if (!multipleWords && word.includes('.')) {
    throw new PulseError('invalid', `${name} is one word of a routing key and must have no dot: ${word}`);
  }
  return word;
}

function refuseUnknownParts(key: RoutingKey, given: GivenParts): void {
  for (const name of Object.keys(given)) {
    if (key.some(part => part.name === name && part.constant === undefined)) continue;
    throw new PulseError('invalid', `a routing key ${form(key)} has no part ${name} to choose`);
  }
}

function misfit(key: RoutingKey, text: string, why: string): PulseError {
  return new PulseError('invalid', `routing key ${text} does not fit ${form(key)}: ${why}`);
}

/** A key as a reader writes it: `primary.<taskId>.<runId>`. */
function form(key: RoutingKey): string {
  return key.map(({ name, constant }) => constant ?? `<${name}>`).join('.');
}
