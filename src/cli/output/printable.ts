/** Characters that control a terminal or change the reading direction: C0 and C1, line separators, direction marks. */
// eslint-disable-next-line no-control-regex
const COMMANDS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const OF_ONE_LINE = new RegExp(`${COMMANDS.source}+`, 'g');
const OF_LINES = new RegExp(`(?!\n)${COMMANDS.source}`, 'g');

/**
 * Makes untrusted text safe to print: puts it on one line and removes characters that control a terminal.
 *
 * U+0080 to U+009F are control characters too: U+009B begins a sequence as ESC [ does.
 */
export function printable(text: string): string {
  return text.replaceAll(OF_ONE_LINE, ' ');
}

/** Does the same for text of several lines, and keeps the line breaks. */
export function printableLines(text: string): string {
  return text.replaceAll(OF_LINES, ' ');
}

/**
 * Escapes control characters in the strings of a JSON text, except line breaks. After parsing, the strings contain them
 * as visible text such as `\u001b`.
 */
export function printableInJson(json: string): string {
  return json.replaceAll(
    /\\(?:u00[01][\da-f]|.)|[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    found => {
      if (/^\\[bfrt]$/.test(found) || found.startsWith('\\u')) return `\\${found}`;
      return found.startsWith('\\') ? found : `\\\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
    },
  );
}
