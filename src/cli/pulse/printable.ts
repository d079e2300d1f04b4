export { printable } from '../output/printable.ts';

/** Converts a value to JSON and also escapes the control characters that JSON allows. */
export function printableJson(value: unknown, indent?: number): string {
  return withoutControls(JSON.stringify(value, undefined, indent));
}

/** Does the same for a JSON text. */
export function withoutControls(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
