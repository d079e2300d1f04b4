/**
 * A condition on scopes: one scope, all of several conditions, or any of several.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/scopes
 */
export type ScopeExpression =
  string | { readonly AllOf: readonly ScopeExpression[] } | { readonly AnyOf: readonly ScopeExpression[] };

const VALID_SCOPE = /^[\x20-\x7e]*$/;

/** Whether a value is a scope: printable ASCII. */
export function isScope(value: unknown): value is string {
  return typeof value === 'string' && VALID_SCOPE.test(value);
}

/** Whether one of the scopes equals the wanted scope, or ends in `*` and is a prefix of it. */
function grants(scopes: readonly string[], wanted: string): boolean {
  return scopes.some(scope =>
    scope.endsWith('*') ? wanted.startsWith(scope.slice(0, -1)) : scope === wanted,
  );
}

/** Whether one of the scopes grants any scope with this prefix. */
export function overlaps(scopes: readonly string[], beginning: string): boolean {
  return scopes.some(
    scope => scope.startsWith(beginning) || (scope.endsWith('*') && beginning.startsWith(scope.slice(0, -1))),
  );
}

/** Whether a set of scopes satisfies a condition. */
export function satisfies(scopes: readonly string[], expression: ScopeExpression): boolean {
  if (typeof expression === 'string') return grants(scopes, expression);
  if ('AllOf' in expression) return expression.AllOf.every(part => satisfies(scopes, part));
  return expression.AnyOf.some(part => satisfies(scopes, part));
}

/**
 * Returns the part of a condition that the scopes do not satisfy, in its shortest form: a list of one becomes its
 * element. Returns undefined if the condition is satisfied.
 */
export function missingScopes(
  scopes: readonly string[],
  expression: ScopeExpression,
): ScopeExpression | undefined {
  if (satisfies(scopes, expression)) return undefined;
  if (typeof expression === 'string') return expression;
  const parts = 'AllOf' in expression ? expression.AllOf : expression.AnyOf;
  const missing = parts.map(part => missingScopes(scopes, part)).filter(part => part !== undefined);
  if (missing.length === 1 && missing[0] !== undefined) return missing[0];
  return 'AllOf' in expression ? { AllOf: missing } : { AnyOf: missing };
}
