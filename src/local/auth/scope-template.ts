import { overlaps, satisfies } from '../../base/index.ts';
import type { ApiCall } from '../../taskcluster/index.ts';
import { type ScopeExpression } from '../../base/index.ts';

/**
 * A scope condition with placeholders for parameters, as in the API's references: `queue:status:<taskId>`, and
 * lists over an array parameter: `{for: 'route', in: 'routes', each: 'queue:route:<route>'}`.
 */
export type ScopeTemplate = NonNullable<ApiCall['scopes']>;

export type ScopeParameters = Readonly<Record<string, string | number | readonly string[]>>;

const PLACE = /<([^<>]+)>/g;

/**
 * Returns the condition for these parameters.
 *
 * @throws Error when a parameter is missing
 */
export function fillIn(template: ScopeTemplate, parameters: ScopeParameters): ScopeExpression {
  const [expression, ...others] = fillInPart(template, parameters);
  if (expression === undefined || others.length > 0) throw new Error('a list of scopes is not a condition');
  return expression;
}

/** One part of a list may stand for several parts or for none. */
function fillInPart(part: ScopeTemplate, parameters: ScopeParameters): ScopeExpression[] {
  if (typeof part === 'string') return [fillInScope(part, parameters)];
  if ('AllOf' in part) return [{ AllOf: part.AllOf.flatMap(each => fillInPart(each, parameters)) }];
  if ('AnyOf' in part) return [{ AnyOf: part.AnyOf.flatMap(each => fillInPart(each, parameters)) }];
  if ('if' in part) throw new Error('no call here has scopes that depend on a condition');
  const values = parameters[part.in];
  if (!Array.isArray(values)) throw new Error(`the scopes ${part.each} need ${part.in}`);
  return values.map((value: string) => fillInScope(part.each, { ...parameters, [part.for]: value }));
}

function fillInScope(scope: string, parameters: ScopeParameters): string {
  return scope.replaceAll(PLACE, (_, name: string) => {
    const value = parameters[name];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw new Error(`the scope ${scope} needs ${name}`);
  });
}

/**
 * Whether some values of the unknown parameters exist with which these scopes satisfy the condition.
 *
 * @param known the other parameters
 */
export function isPossible(
  scopes: readonly string[],
  template: ScopeTemplate,
  known: ScopeParameters,
): boolean {
  if (typeof template === 'string') {
    const [beginning = '', ...rest] = fillInKnown(template, known).split(UNKNOWN);
    return rest.length === 0 ? satisfies(scopes, beginning) : overlaps(scopes, beginning);
  }
  if ('AllOf' in template) return template.AllOf.every(each => isPossible(scopes, each, known));
  if ('AnyOf' in template) return template.AnyOf.some(each => isPossible(scopes, each, known));
  // A list may be empty.
  return true;
}

/** No scope contains this character. */
const UNKNOWN = '\0';

function fillInKnown(scope: string, known: ScopeParameters): string {
  return scope.replaceAll(PLACE, (_, name: string) =>
    Object.hasOwn(known, name) ? String(known[name]) : UNKNOWN,
  );
}

/** Returns the names of the parameters that a template needs. */
export function parametersOf(template: ScopeTemplate): string[] {
  if (typeof template === 'string') return [...template.matchAll(PLACE)].map(([, name = '']) => name);
  if ('AllOf' in template) return template.AllOf.flatMap(parametersOf);
  if ('AnyOf' in template) return template.AnyOf.flatMap(parametersOf);
  if ('if' in template) return [template.if];
  return [template.in, ...parametersOf(template.each).filter(name => name !== template.for)];
}
