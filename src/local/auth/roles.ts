import { ApiError } from '../errors.ts';

/**
 * The scopes of roles, by role id. A role whose id ends in `*` applies to every id with that prefix, and `<..>`
 * in its scopes stands for the rest.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/roles
 */
export type Roles = Readonly<Record<string, readonly string[]>>;

/** Returns everything that a set of scopes allows: the given scopes, and what their `assume:` scopes expand to. */
export type ExpandScopes = (scopes: readonly string[]) => string[];

const ASSUME = 'assume:';
const REST = '<..>';
/** Roles that assume each other may expand for ever. */
const MAX_EXPANDED = 10_000;
const LONGEST_EXPANDED = 10_000;

/**
 * Creates the expansion by these roles. The result is sorted, and contains no scope that another one covers.
 *
 * The returned function throws ApiError `InputError` when the roles expand without end.
 */
export function createExpandScopes(roles: Roles): ExpandScopes {
  const entries = Object.entries(roles);
  return scopes => {
    const known = new Set(scopes);
    for (const scope of known) {
      for (const [roleId, stands] of entries) {
        const rest = assumed(scope, `${ASSUME}${roleId}`);
        if (rest !== undefined) for (const each of stands) known.add(fillIn(each, rest));
      }
      if (known.size > scopes.length + MAX_EXPANDED || scope.length > LONGEST_EXPANDED) {
        throw new ApiError('InputError', 'The roles of these scopes stand for too much');
      }
    }
    return shortest(known);
  };
}

/** Returns what replaces `<..>` when a scope assumes a role. Undefined if it does not assume it. */
function assumed(scope: string, role: string): string | undefined {
  if (scope.endsWith('*') && role.startsWith(scope.slice(0, -1))) return '*';
  if (role.endsWith('*') && scope.startsWith(role.slice(0, -1))) return scope.slice(role.length - 1);
  return scope === role ? '' : undefined;
}

/** A rest that ends in `*` stands for every rest, so anything after it is cut. */
function fillIn(scope: string, rest: string): string {
  const place = scope.indexOf(REST);
  if (place === -1) return scope;
  return rest.endsWith('*') ? scope.slice(0, place) + rest : scope.replaceAll(REST, () => rest);
}

function shortest(scopes: ReadonlySet<string>): string[] {
  const isOpen = (scope: string): boolean => scope.endsWith('*');
  const sorted = [...scopes]
    .map(scope => ({ scope, beginning: isOpen(scope) ? scope.slice(0, -1) : scope }))
    .sort(
      (one, other) =>
        compare(one.beginning, other.beginning) || Number(isOpen(other.scope)) - Number(isOpen(one.scope)),
    );
  // In sorted order, the scopes that one covers follow it directly.
  let covering: string | undefined;
  return sorted
    .filter(({ scope, beginning }) => {
      if (covering !== undefined && beginning.startsWith(covering)) return false;
      if (isOpen(scope)) covering = beginning;
      return true;
    })
    .map(({ scope }) => scope)
    .sort();
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
