/** Describes a thrown value as text. Never throws, whatever the value is. */
export function errorText(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  } catch {
    return 'something that has no text';
  }
}
