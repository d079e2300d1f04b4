/** A word as a POSIX shell reads it back unchanged, whatever is in it but NUL. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
