/** What was thrown, in words. Never throws: anything may have been thrown. */
export function errorText(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  } catch {
    return 'something that has no text';
  }
}
