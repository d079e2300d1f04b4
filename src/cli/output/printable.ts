/** What commands a terminal, or turns around how text is read: C0 and C1, line separators, marks of direction. */
// eslint-disable-next-line no-control-regex
const COMMANDS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const OF_ONE_LINE = new RegExp(`${COMMANDS.source}+`, 'g');
const OF_LINES = new RegExp(`(?!\n)${COMMANDS.source}`, 'g');

/**
 * Text that others may have chosen, on one line and unable to command a terminal.
 *
 * U+0080 to U+009F are control characters, too: U+009B begins a sequence as ESC [ does.
 */
export function printable(text: string): string {
  return text.replaceAll(OF_ONE_LINE, ' ');
}

/** The same for text of several lines. */
export function printableLines(text: string): string {
  return text.replaceAll(OF_LINES, ' ');
}

/** A text of JSON, in which strings show their control characters as `\u001b` after they have been parsed, but for line breaks. */
export function printableInJson(json: string): string {
  return json.replaceAll(
    /\\(?:u00[01][\da-f]|.)|[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    found => {
      if (/^\\[bfrt]$/.test(found) || found.startsWith('\\u')) return `\\${found}`;
      return found.startsWith('\\') ? found : `\\\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
    },
  );
}
