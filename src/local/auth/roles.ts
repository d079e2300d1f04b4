import { ApiError } from '../errors.ts';

/**
 * What roles stand for, by the id of the role. A role whose id ends in `*` is taken on by everything that begins like
 * it, and `<..>` in its scopes is then the rest.
 *
 * https://docs.taskcluster.net/docs/manual/design/apis/hawk/roles
 */
export type Roles = Readonly<Record<string, readonly string[]>>;

/** All that a set of scopes allows, roles included: what was given, and what its `assume:` scopes stand for. */
export type ExpandScopes = (scopes: readonly string[]) => string[];

const ASSUME = 'assume:';
const REST = '<..>';
/** Roles that take each other on may grow for ever. */
const MOST_EXPANDED = 10_000;
const LONGEST_EXPANDED = 10_000;

/**
 * Makes the expansion by these roles. The result is sorted, and has nothing that something else in it covers.
 *
 * What it makes throws ApiError `InputError` when there is no end to what the roles stand for.
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
      if (known.size > scopes.length + MOST_EXPANDED || scope.length > LONGEST_EXPANDED) {
        throw new ApiError('InputError', 'The roles of these scopes stand for too much');
      }
    }
    return shortest(known);
  };
}

/** What a scope puts in the place of `<..>` when it takes a role on. Undefined when it does not. */
function assumed(scope: string, role: string): string | undefined {
  if (scope.endsWith('*') && role.startsWith(scope.slice(0, -1))) return '*';
  if (role.endsWith('*') && scope.startsWith(role.slice(0, -1))) return scope.slice(role.length - 1);
  return scope === role ? '' : undefined;
}

/** A rest that ends in `*` stands for every rest, so that what would follow it is cut. */
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
  // What one covers comes right behind it.
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
