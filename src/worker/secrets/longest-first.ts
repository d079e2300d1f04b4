/** Each word once. Nothing of a long one must be left over where a shorter one is a part of it. */
export function longestFirst(words: readonly string[]): string[] {
  return [...new Set(words)].sort((one, other) => other.length - one.length);
}
