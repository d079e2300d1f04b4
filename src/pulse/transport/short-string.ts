import { PulseError } from '../errors.ts';
import { described } from '../options.ts';

/** AMQP 0-9-1 encodes names and routing keys as short strings, whose length is one byte. */
export const MAX_SHORT_STRING_BYTES = 255;

/**
 * Returns the text if it fits into an AMQP frame.
 *
 * @param what the role of the text in the error message, such as "routing key" or "queue name"
 * @throws PulseError `invalid` for text of more than 255 bytes of UTF-8, for a lone surrogate, and for a value that
 *   is not a string
 */
export function checkShortString(text: string, what: string): string {
  if (typeof text !== 'string') {
    throw new PulseError('invalid', `${what} must be a string, not ${described(text)}`);
  }
  if (!text.isWellFormed()) throw new PulseError('invalid', `${what} is not well-formed Unicode`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_SHORT_STRING_BYTES) {
    throw new PulseError(
      'invalid',
      `${what} of ${bytes} bytes is too long: AMQP allows ${MAX_SHORT_STRING_BYTES} (${text.slice(0, 40)}…)`,
    );
  }
  return text;
}
