/** Text in single quotes, as bash and zsh read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Patterns of a `case` of bash and zsh. */
export function patterns(texts: readonly string[]): string {
  return texts.map(quoted).join('|');
}
