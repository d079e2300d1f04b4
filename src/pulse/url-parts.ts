import { PulseError } from './errors.ts';
import { Secret } from './secret.ts';

/** What a value is that may be wrapped. */
export function plain<T extends string | undefined>(value: T | Secret): T | string {
  return value instanceof Secret ? value.reveal() : value;
}

/**
 * Takes a part of a URL out of its escapes.
 *
 * @param whole what it is a part of, as the error names it
 * @throws PulseError `invalid`, which does not hold the part
 */
export function decoded(text: string, whole: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PulseError('invalid', `${whole} holds a % that begins no escape; write % itself as %25`);
  }
}

/**
 * A password with an @ and a slash in it ends too early: the rest of it would be the host and what comes after, and be shown.
 *
 * @param whole the URL, as the error names it
 * @param parts of the URL in which such characters have to be escaped
 * @throws PulseError `invalid`, which holds nothing of the URL
 */
export function checkEscaped({ pathname, search, hash }: URL, whole: string, parts: string): void {
  if (!`${pathname}${search}${hash}`.includes('@')) return;
  throw new PulseError(
    'invalid',
    `${whole} has an @ behind its host; write @, /, ? and # of ${parts} as %40, %2F, %3F and %23`,
  );
}
