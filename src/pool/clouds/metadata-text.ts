import { isIP } from 'node:net';
import { RegistrationError } from '../registration/registration-error.ts';

/**
 * Parses JSON from a metadata service.
 *
 * @param what the name of the text in messages; its content may be secret and is not shown
 * @throws RegistrationError
 */
export function jsonObject(text: string | undefined, what: string): Readonly<Record<string, unknown>> {
  if (text === undefined) throw new RegistrationError('machine', `${what} is missing`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new RegistrationError('machine', `${what} is not a JSON object`);
}

/** Returns a trimmed text of at most 1,000 characters without control characters. Undefined for everything else. */
export function word(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const trimmed = value.trim();
  return trimmed !== '' && trimmed.length <= 1_000 && !/\p{Cc}/u.test(trimmed) ? trimmed : undefined;
}

/** Does the same as {@link word}. @throws RegistrationError if there is no such text */
export function required(value: unknown, what: string): string {
  const found = word(value);
  if (found === undefined) throw new RegistrationError('machine', `${what} is missing or not a string`);
  return found;
}

/** Returns an IP address, or undefined if the machine has none or the text is not an address. */
export function address(value: unknown): string | undefined {
  const found = word(value);
  return found !== undefined && isIP(found) !== 0 ? found : undefined;
}

/** Leaves out undefined values. */
export function known(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
