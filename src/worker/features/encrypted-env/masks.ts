/**
 * Lines of a secret with at least this many bytes are hidden one by one. Shorter ones may occur in innocent
 * output.
 */
const SHORTEST_LINE_BYTES = 16;
/** At most this many lines of a task's values are hidden one by one, each in about ten encodings. */
const MAX_LINES = 500;

/** The texts that a log hides for a task's secret values. */
export interface Masks {
  readonly texts: readonly string[];
  /** The names of variables with too many lines, which are hidden only as a whole. */
  readonly onlyWhole: readonly string[];
}

/**
 * Returns the texts that a log must not show. A value is often not printed exactly as given: shells strip line
 * ends, terminals change them, and programs indent the lines of a key.
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
    if (lines.size + more.length > MAX_LINES) onlyWhole.push(name);
    else for (const line of more) lines.add(line);
  }
  return { texts: [...texts, ...lines], onlyWhole };
}

/** Returns the lines that are hidden one by one, without duplicates. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map(line => line.trim());
  return [...new Set(lines)].filter(line => Buffer.byteLength(line) >= SHORTEST_LINE_BYTES);
}
