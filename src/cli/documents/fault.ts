/** A problem in a document, with its position. The message never contains a value, which may be a secret. */
export interface Fault {
  /** Counted from 1; undefined for a fault of the whole document. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** The content of a document, or all of its faults. */
export type Content = { readonly content: unknown } | { readonly faults: readonly Fault[] };

/**
 * The deepest permitted nesting: deeper than anyone writes by hand, and far from where recursive code overflows the
 * stack.
 */
const MAX_DEPTH = 200;

/** `file x.yml, line 3, column 7: duplicate key "capacity"` */
export function placed(place: string, { line, column, message }: Fault): string {
  return line === undefined ? `${place}: ${message}` : `${place}, line ${line}, column ${column}: ${message}`;
}

export function faultAt(text: string, offset: number, message: string): Fault {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}

/** The message for a number whose value JavaScript would change. */
export const INEXACT = 'JavaScript cannot keep this number exactly; write it in quotes';

/** Rejects content that is nested too deeply for the code that walks through it. */
export function unlessTooDeep(content: unknown): Content {
  let level = [content];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH)
      return { faults: [{ message: `it is nested more than ${MAX_DEPTH} levels deep` }] };
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return { content };
}
