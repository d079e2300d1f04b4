/** Formats the examples at the end of a command's help. Each fits into 80 columns. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  ${line}`)].join('\n');
}
