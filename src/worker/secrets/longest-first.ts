/** Returns each word once, longest first. No part of a long word must remain where a shorter one is part of it. */
export function longestFirst(words: readonly string[]): string[] {
  return [...new Set(words)].sort((one, other) => other.length - one.length);
}
