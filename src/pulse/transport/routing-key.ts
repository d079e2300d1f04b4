import { checkShortString, MAX_SHORT_STRING_BYTES } from './short-string.ts';

/** Maximum length of a routing key or a pattern: 255 bytes of UTF-8. */
export const MAX_ROUTING_KEY_BYTES = MAX_SHORT_STRING_BYTES;

/**
 * Returns the routing key or pattern if it fits into an AMQP frame.
 *
 * @throws PulseError `invalid` if it is longer than 255 bytes of UTF-8
 */
export function checkRoutingKey(key: string): string {
  return checkShortString(key, 'routing key');
}

/**
 * Whether a topic pattern matches a routing key, by RabbitMQ's rules: `*` is exactly one word, `#` is any number of
 * words, including none.
 */
export function matchesPattern(pattern: string, key: string): boolean {
  return patternMatcher(pattern)(key);
}

/** Like {@link matchesPattern}, for matching many keys against one pattern. */
export function patternMatcher(pattern: string): (key: string) => boolean {
  if (pattern === '#') return () => true;
  const words = pattern.split('.');
  if (!words.includes('*') && !words.includes('#')) return key => key === pattern;
  return key => matchWords(words, key.split('.'));
}

/** Backtracks only to the last `#`, because it can match anything that an earlier `#` could. */
function matchWords(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let hash = -1;
  let taken = 0;
  for (let n = 0; n < words.length;) {
    if (pattern[at] === '#') {
      hash = at++;
      taken = n;
    } else if (at < pattern.length && (pattern[at] === '*' || pattern[at] === words[n])) {
      at++;
      n++;
    } else if (hash >= 0) {
      at = hash + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[at] === '#') at++;
  return at === pattern.length;
}
