import { Secret } from '../../base/index.ts';
import { PulseError } from '../errors.ts';

/** Returns a value or the content of a Secret. An empty value counts as missing. */
export function given(value: string | Secret | undefined): string | undefined {
  const text = value instanceof Secret ? value.reveal() : value;
  return text === '' ? undefined : text;
}

/**
 * Parses a URL that may contain a password. Surrounding white space is ignored.
 *
 * @param whole the name of the URL in error messages
 * @param example an example of such a URL, for the error message
 * @throws PulseError `invalid`, which contains nothing of the URL
 */
export function parsed(text: string, whole: string, example: string): URL {
  // The URL standard drops these characters everywhere, which would change a password.
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
 * Decodes the percent escapes in a part of a URL.
 *
 * @param whole the name of the part in error messages
 * @throws PulseError `invalid`, which does not contain the part
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
 * Returns the text if it contains no NUL. In a login, a NUL would end the user or the password.
 *
 * @param whole the name of the text in error messages
 * @throws PulseError `invalid`, which does not contain the text
 */
export function withoutNul(text: string, whole: string): string {
  if (!text.includes('\0')) return text;
  throw new PulseError('invalid', `${whole} holds a NUL character, which no login can carry`);
}

/**
 * Refuses a URL with an @ after its host. Such a URL may contain an unescaped password with an @ and a slash, which
 * ends too early: the rest of it would become the host and the path, and could be shown.
 *
 * @param whole the name of the URL in error messages
 * @param parts the parts of the URL in which such characters must be escaped
 * @throws PulseError `invalid`, which contains nothing of the URL
 */
export function checkEscaped({ pathname, search, hash }: URL, whole: string, parts: string): void {
  if (!`${pathname}${search}${hash}`.includes('@')) return;
  throw new PulseError(
    'invalid',
    `${whole} has an @ behind its host; write @, /, ? and # of ${parts} as %40, %2F, %3F and %23`,
  );
}
