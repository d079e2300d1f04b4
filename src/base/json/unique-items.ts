import type { FuncKeywordDefinition, SchemaValidateFunction } from 'ajv';

/**
 * The keyword `uniqueItems`, checked in one pass. ajv compares each object of an array with every other one, so a list
 * of 100,000 objects would block the program for minutes.
 */
export const uniqueItems: FuncKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  errors: true,
  validate: check,
};

function check(...[wanted, items]: Parameters<SchemaValidateFunction>): boolean {
  const repeated = wanted === true ? findRepeated(items as unknown[]) : undefined;
  (check as SchemaValidateFunction).errors = repeated && [
    {
      keyword: 'uniqueItems',
      message: `must NOT have duplicate items (items ## ${repeated.j} and ${repeated.i} are identical)`,
      params: repeated,
    },
  ];
  return repeated === undefined;
}

function findRepeated(items: readonly unknown[]): { i: number; j: number } | undefined {
  if (items.length < 2) return undefined;
  const seen = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = canonical(item);
    const j = seen.get(text);
    if (j !== undefined) return { i, j };
    seen.set(text, i);
  }
  return undefined;
}

/** Returns a text that is the same for equal JSON values, whatever the order of their properties. */
function canonical(given: unknown): string {
  const value = asJson(given);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const properties = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`,
  );
  return `{${properties.sort().join()}}`;
}

/** Converts a value as JSON does: a `Date` has no properties of its own and becomes a text. */
function asJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const given = value as { toJSON?: unknown };
  return typeof given.toJSON === 'function' ? (given as { toJSON(): unknown }).toJSON() : value;
}
