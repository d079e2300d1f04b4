import { PulseError } from './errors.ts';

/** AMQP 0-9-1 carries a routing key as a short string: one byte of length. */
export const MAX_ROUTING_KEY_BYTES = 255;

/**
 * Returns the key when it fits into an AMQP frame.
 *
 * @throws PulseError `invalid` past 255 bytes of UTF-8; amqplib would throw in the middle of a frame.
 */
export function checkRoutingKey(key: string): string {
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_ROUTING_KEY_BYTES) {
    throw new PulseError(
      'invalid',
      `routing key of ${bytes} bytes is too long: AMQP allows ${MAX_ROUTING_KEY_BYTES} (${key.slice(0, 40)}…)`,
    );
  }
  return key;
}

/**
 * Whether a topic pattern matches a routing key, as RabbitMQ does it: `*` is exactly one word, `#` is any
 * number of words, also none.
 */
export function matchesPattern(pattern: string, key: string): boolean {
  return matchWords(pattern.split('.'), key.split('.'));
}

function matchWords(pattern: readonly string[], words: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return words.length === 0;
  if (head === '#') {
    return matchWords(rest, words) || (words.length > 0 && matchWords(pattern, words.slice(1)));
  }
  if (words.length === 0 || (head !== '*' && head !== words[0])) return false;
  return matchWords(rest, words.slice(1));
}
