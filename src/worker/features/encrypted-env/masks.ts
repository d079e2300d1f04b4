/** A line of a secret is hidden by itself if it has so many bytes: a shorter one may stand in innocent output. */
const SHORTEST_LINE_BYTES = 16;
/** So many lines of all values of a task are hidden by themselves, each in some ten spellings. */
const MOST_LINES = 500;

/** What a log hides of the secret values of a task. */
export interface Masks {
  readonly texts: readonly string[];
  /** The names of the variables that have too many lines: they are hidden only as one. */
  readonly onlyWhole: readonly string[];
}

/**
 * The texts that a log must not show of secret values. Shells strip line ends, terminals write them in another way, and
 * programs indent the lines of a key, so that a value is often not printed exactly as it was given.
 *
 * @param values by the names of their variables
 */
export function masksOf(values: Iterable<readonly [name: string, value: string]>): Masks {
  const texts = new Set<string>();
  const lines = new Set<string>();
  const onlyWhole: string[] = [];
  for (const [name, value] of values) {
    const text = value.trim();
    if (text === '') continue;
    texts.add(text);
    if (!text.includes('\n')) continue;
    texts.add(text.replaceAll('\r\n', '\n'));
    texts.add(text.replaceAll(/\r?\n/g, '\r\n'));
    const more = linesOf(text).filter(line => !lines.has(line));
    if (lines.size + more.length > MOST_LINES) onlyWhole.push(name);
    else for (const line of more) lines.add(line);
  }
  return { texts: [...texts, ...lines], onlyWhole };
}

/** The lines that are hidden by themselves, each once. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map(line => line.trim());
  return [...new Set(lines)].filter(line => Buffer.byteLength(line) >= SHORTEST_LINE_BYTES);
}
