export { printable } from '../output/printable.ts';

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
