/**
 * amqplib's form:
 * `Channel closed by server: 404 (NOT-FOUND) with message "NOT_FOUND - no exchange 'x' in vhost '/'"`.
 */
const REPLY = /(\d{3}) \([A-Z-]+\) with message "(?:[A-Z_]+ - )?(.*)"$/s;
const OTHER_ARGUMENTS =
  /^inequivalent arg '([^']+)' for (queue|exchange) '(.+)' in vhost '.*': received (.+) but current is (.+)$/;
const TYPED_VALUE = /^the value (.+) of type '\w+'$/;

/**
 * Reduces the broker's reply to its useful part and its code: `no exchange 'x' (404)`. Any other text is returned
 * unchanged.
 *
 * The default vhost is left out, because most of Pulse uses no other.
 */
export function brokerText(text: string): string {
  const [, code, words] = REPLY.exec(text) ?? [];
  if (code === undefined || words === undefined) return text;
  return `${shortened(words)} (${code})`;
}

function shortened(words: string): string {
  const [, argument = '', kind = '', name = '', here = '', there = ''] = OTHER_ARGUMENTS.exec(words) ?? [];
  if (argument !== '') {
    const [hereShort, thereShort] = [here, there].map(value => value.replace(TYPED_VALUE, '$1'));
    return `${kind} '${name}' exists with other arguments: ${argument} is ${thereShort} there, and ${hereShort} here`;
  }
  return words.replace(" in vhost '/'", '').replace(/\. It could be originally declared .*/s, '');
}
