import { checkShortString, MAX_SHORT_STRING_BYTES } from './short-string.ts';

export const MAX_ROUTING_KEY_BYTES = MAX_SHORT_STRING_BYTES;

/**
 * Returns the key, or the pattern, when it fits into an AMQP frame.
 *
 * @throws PulseError `invalid` past 255 bytes of UTF-8
 */
export function checkRoutingKey(key: string): string {
  return checkShortString(key, 'routing key');
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
