import { Secret } from '../../base/index.ts';
import { PulseError } from '../errors.ts';

/** A value without its wrapping. An empty one counts as missing. */
export function given(value: string | Secret | undefined): string | undefined {
  const text = value instanceof Secret ? value.reveal() : value;
  return text === '' ? undefined : text;
}

/**
 * Reads a URL that may hold a password. Space around it is ignored.
 *
 * @param whole the URL, as the error names it
 * @param example of such a URL, for the error
 * @throws PulseError `invalid`, which holds nothing of the URL
 */
export function parsed(text: string, whole: string, example: string): URL {
  // The URL standard drops these wherever they are, and so would change a password.
  if (/[\t\n\r]/.test(text.trim())) {
    throw new PulseError(
      'invalid',
      `${whole} has a line break or a tab in it; write them as %0A, %0D and %09`,
    );
  }
  const url = URL.parse(text.trim());
  if (!url) throw new PulseError('invalid', `${whole} is not a URL; it should look like ${example}`);
  if (url.port === '0')
    throw new PulseError('invalid', `${whole} has port 0; leave it out for the usual port`);
  return url;
}

/**
 * Takes a part of a URL out of its escapes.
 *
 * @param whole what it is a part of, as the error names it
 * @throws PulseError `invalid`, which does not hold the part
 */
export function decoded(text: string, whole: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw new PulseError(
      'invalid',
      `${whole} holds a % that begins no escape of UTF-8; write % itself as %25`,
    );
  }
  return withoutNul(plain, whole);
}

/**
 * Returns a text that holds no NUL: in a login that ends the user or the password.
 *
 * @param whole the text, as the error names it
 * @throws PulseError `invalid`, which does not hold the text
 */
export function withoutNul(text: string, whole: string): string {
  if (!text.includes('\0')) return text;
  throw new PulseError('invalid', `${whole} holds a NUL character, which no login can carry`);
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
