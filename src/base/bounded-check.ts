import type { ErrorObject, ValidateFunction } from 'ajv';
import { listed } from './listed.ts';

/** In a value with more values than this, the check stops at the first problem. There could be as many problems as values. */
const MOST_VALUES = 10_000;
const NOT_LOOKED_FOR = 'the body is large: its other problems were not looked for';

/**
 * Makes a check with a short answer even for hostile values: a list of problems, empty for a valid value. Never throws.
 *
 * @param first stops at the first problem, and so takes no longer than it does for a valid value
 * @param every finds all problems; made on demand
 * @param choose leaves out problems that do not help the reader
 */
export function boundedCheck(
  first: ValidateFunction,
  every: () => ValidateFunction,
  describe: (problem: ErrorObject) => string,
  choose: (problems: readonly ErrorObject[]) => readonly ErrorObject[] = problems => problems,
): (value: unknown) => string[] {
  let all: ValidateFunction | undefined;
  return value => {
    try {
      if (first(value)) return [];
      if (isLarge(value)) return [...listed((first.errors ?? []).map(describe)), NOT_LOOKED_FOR];
      all ??= every();
      all(value);
      return listed(choose(all.errors ?? []).map(describe));
    } catch (error) {
      // Where ajv compares values it calls their own methods, and JSON may have something else under those names. A schema
      // that refers to itself runs out of stack over a value that is nested deeply.
      return listed([`/ cannot be checked: ${(error as Error).message}`]);
    } finally {
      // ajv would keep them until it checks the next value.
      first.errors = null;
      if (all) all.errors = null;
    }
  };
}

function isLarge(value: unknown): boolean {
  const open = [value];
  for (let values = 0; open.length > 0;) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Array.isArray(next) ? next : Object.values(next)) {
      if (++values > MOST_VALUES) return true;
      open.push(inner);
    }
  }
  return false;
}
