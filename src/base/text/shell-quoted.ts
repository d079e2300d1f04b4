/** Quotes a word so that a POSIX shell reads it back unchanged. NUL is the one character that no shell can read. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
