/** Quotes text in single quotes for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The patterns of one `case` branch in bash or zsh. */
export function patterns(texts: readonly string[]): string {
  return texts.map(quoted).join('|');
}
