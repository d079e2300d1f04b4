import { isIP } from 'node:net';
import { RegistrationError } from '../registration/registration-error.ts';

/**
 * Reads JSON of a metadata service.
 *
 * @param what names it in messages; its content may be secret, and is not shown
 * @throws RegistrationError
 */
export function jsonObject(text: string | undefined, what: string): Readonly<Record<string, unknown>> {
  if (text === undefined) throw new RegistrationError('machine', `${what} is missing`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new RegistrationError('machine', `${what} is not a JSON object`);
}

/** A text of one line, without what belongs to no name; undefined for everything else. */
export function word(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const trimmed = value.trim();
  return trimmed !== '' && trimmed.length <= 1_000 && !/\p{Cc}/u.test(trimmed) ? trimmed : undefined;
}

/** @throws RegistrationError when there is no such text */
export function required(value: unknown, what: string): string {
  const found = word(value);
  if (found === undefined) throw new RegistrationError('machine', `${what} is missing or is not text`);
  return found;
}

/** An address; undefined for a machine that has none, and for a text that is no address. */
export function address(value: unknown): string | undefined {
  const found = word(value);
  return found !== undefined && isIP(found) !== 0 ? found : undefined;
}

/** Leaves out what is not known. */
export function known(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
