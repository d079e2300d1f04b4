import type { ErrorObject } from 'ajv';

/**
 * Removes the errors of `anyOf` alternatives that the author did not mean. Where no alternative fits, only the errors
 * of the best-fitting one are kept.
 */
export function bestBranches(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  // Inner choices come first, so that an outer alternative is judged by the errors that remain.
  const choices = errors
    .filter(({ keyword }) => keyword === 'anyOf')
    .sort((one, other) => other.schemaPath.length - one.schemaPath.length);
  return choices.reduce(withBestBranch, errors);
}

function withBestBranch(errors: readonly ErrorObject[], choice: ErrorObject): readonly ErrorObject[] {
  const { schemaPath, instancePath } = choice;
  const branches = new Map<string, ErrorObject[]>();
  for (const error of errors) {
    const index = branchOf(error, schemaPath, instancePath);
    if (index !== undefined) branches.set(index, [...(branches.get(index) ?? []), error]);
  }
  const [best] = [...branches.values()].sort((one, other) => misfit(one, choice) - misfit(other, choice));
  if (!best) return errors;
  const dropped = new Set<ErrorObject>([choice, ...[...branches.values()].flat()]);
  for (const error of best) dropped.delete(error);
  return errors.filter(error => !dropped.has(error));
}

/** Returns the alternative that an error belongs to; undefined for any other error. */
function branchOf(error: ErrorObject, choice: string, instancePath: string): string | undefined {
  if (!error.schemaPath.startsWith(`${choice}/`)) return undefined;
  const isInside = error.instancePath === instancePath || error.instancePath.startsWith(`${instancePath}/`);
  return isInside ? error.schemaPath.slice(choice.length + 1).split('/')[0] : undefined;
}

/**
 * Measures how far a value is from an alternative: first by the errors in its set of properties, then by all errors.
 */
function misfit(errors: readonly ErrorObject[], { instancePath }: ErrorObject): number {
  const ofShape = errors.filter(
    error =>
      error.instancePath === instancePath &&
      ['required', 'additionalProperties', 'type'].includes(error.keyword),
  );
  return ofShape.length * 1_000 + errors.length;
}
