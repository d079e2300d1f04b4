import type { Secret } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { described, isSecret } from '../options.ts';

/**
 * Returns a value or the content of a Secret. An empty value counts as missing.
 *
 * @throws PulseError `invalid` for a value that is not a string
 */
export function given(value: string | Secret | undefined): string | undefined {
  const text: unknown = isSecret(value) ? value.reveal() : value;
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string') return text;
  throw new PulseError('invalid', `a URL, a user or a password must be a string, not ${described(text)}`);
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
      `${whole} contains a line break or a tab; write them as %0A, %0D and %09`,
    );
  }
  const url = URL.parse(text.trim());
  if (!url) throw new PulseError('invalid', `${whole} is not a URL; it should look like ${example}`);
  if (url.port === '0')
    throw new PulseError('invalid', `${whole} has port 0; leave the port out to use the default`);
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
      `${whole} contains a % that is not part of a UTF-8 escape; write % itself as %25`,
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
  throw new PulseError('invalid', `${whole} contains a NUL character, which a login cannot contain`);
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
    `${whole} has an @ after its host; write @, /, ? and # of ${parts} as %40, %2F, %3F and %23`,
  );
}
