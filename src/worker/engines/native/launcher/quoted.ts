/** Quotes a word for a POSIX shell. It may contain anything but NUL. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
