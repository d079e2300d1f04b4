import { checkShortString, MAX_SHORT_STRING_BYTES } from './short-string.ts';

/** How long a routing key, or a pattern, may be: 255 bytes of UTF-8. */
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
  return patternMatcher(pattern)(key);
}

/** As {@link matchesPattern}, for a pattern that many keys are held against. */
export function patternMatcher(pattern: string): (key: string) => boolean {
  if (pattern === '#') return () => true;
  const words = pattern.split('.');
  if (!words.includes('*') && !words.includes('#')) return key => key === pattern;
  return key => matchWords(words, key.split('.'));
}

/** Goes back only to the last `#`: what an earlier one could take, this one can too. */
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
