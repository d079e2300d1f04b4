/**
 * Text that others may have chosen, on one line and unable to command a terminal.
 *
 * U+0080 to U+009F are control characters, too: U+009B begins a sequence as ESC [ does.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

/** JSON, with the control characters escaped that JSON itself lets stand. */
export function printableJson(value: unknown, indent?: number): string {
  return withoutControls(JSON.stringify(value, undefined, indent));
}

/** The same for a JSON text. */
export function withoutControls(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
