/** Something wrong with a document, and where. The message never holds a value, which may be a secret. */
export interface Fault {
  /** From 1; undefined for a fault of the whole document. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** What a document holds, or everything that is wrong with it. */
export type Content = { readonly content: unknown } | { readonly faults: readonly Fault[] };

/** Deeper than anything that somebody writes by hand, and far from where recursive code overflows the stack. */
const DEEPEST = 200;

/** `file x.yml, line 3, column 7: duplicate key "capacity"` */
export function placed(place: string, { line, column, message }: Fault): string {
  return line === undefined ? `${place}: ${message}` : `${place}, line ${line}, column ${column}: ${message}`;
}

export function faultAt(text: string, offset: number, message: string): Fault {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}

/** The fault of a number that would be another one after it was read. */
export const INEXACT = 'JavaScript cannot keep this number exactly; write it in quotes';

/** Refuses what is nested too deeply for the code that will walk through it. */
export function unlessTooDeep(content: unknown): Content {
  let level = [content];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return { faults: [{ message: `it is nested more than ${DEEPEST} levels deep` }] };
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return { content };
}
