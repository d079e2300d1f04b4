import type { ErrorObject, ValidateFunction } from 'ajv';
import { listed } from '../text/listed.ts';

/**
 * If a value contains more values than this, the check stops at the first problem, because there could be as many
 * problems as values.
 */
const MAX_VALUES = 10_000;
const NOT_LOOKED_FOR = 'the body is large: its other problems were not looked for';

/**
 * Makes a check that returns a short list of problems even for hostile values; the list is empty for a valid value. It
 * never throws.
 *
 * @param first a validator that stops at the first problem, so an invalid value takes no longer than a valid one
 * @param every makes a validator that finds all problems; called when first needed
 * @param choose removes problems that do not help the reader
 */
export function boundedCheck(
  first: ValidateFunction,
  every: () => ValidateFunction,
  describe: (problem: ErrorObject, value: unknown) => string,
  choose: (problems: readonly ErrorObject[]) => readonly ErrorObject[] = problems => problems,
): (value: unknown) => string[] {
  let all: ValidateFunction | undefined;
  return value => {
    const described = (problems: readonly ErrorObject[]) =>
      listed(problems.map(problem => describe(problem, value)));
    try {
      if (first(value)) return [];
      if (isLarge(value)) return [...described(first.errors ?? []), NOT_LOOKED_FOR];
      all ??= every();
      all(value);
      return described(choose(all.errors ?? []));
    } catch (error) {
      // To compare values, ajv calls methods of the values, and JSON may have something else under those names. A
      // recursive schema overflows the stack on a deeply nested value.
      return listed([`/ cannot be checked: ${(error as Error).message}`]);
    } finally {
      // ajv would keep the errors until its next check.
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
      if (++values > MAX_VALUES) return true;
      open.push(inner);
    }
  }
  return false;
}
