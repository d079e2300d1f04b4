import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { missingScopes, satisfies } from '../../src/base/index.ts';
import { type ScopeExpression } from '../../src/base/services/scopes.ts';

const scope = fc.stringMatching(/^[abc:]{0,4}\*?$/);
const scopes = fc.array(scope, { maxLength: 4 });
const { expression } = fc.letrec<{ expression: ScopeExpression }>(tie => ({
  expression: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scope,
    fc.record({ AllOf: fc.array(tie('expression'), { maxLength: 3 }) }),
    fc.record({ AnyOf: fc.array(tie('expression'), { maxLength: 3 }) }),
  ),
}));

/** All scopes that are written in an expression. */
function scopesIn(part: ScopeExpression): string[] {
  if (typeof part === 'string') return [part];
  return ('AllOf' in part ? part.AllOf : part.AnyOf).flatMap(scopesIn);
}

describe('a scope', () => {
  it.each([
    [['queue:status:a'], 'queue:status:a', true],
    [['queue:status:a'], 'queue:status:ab', false],
    [['queue:status:*'], 'queue:status:ab', true],
    [['queue:status:*'], 'queue:status:', true],
    [['queue:status*'], 'queue:status:ab', true],
    [['*'], 'anything', true],
    [['queue:*:a'], 'queue:status:a', false],
    [['queue:status:*'], 'queue:status:*', true],
    [['queue:status:a'], 'queue:status:*', false],
    [[], 'queue:status:a', false],
  ])('of %j satisfies %s: %s', (given, wanted, expected) => {
    expect(satisfies(given, wanted)).toBe(expected);
  });

  it('with a star satisfies exactly the scopes that start with the text before the star', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[abc:]{0,3}$/), scope, (prefix, wanted) => {
        expect(satisfies([`${prefix}*`], wanted)).toBe(wanted.startsWith(prefix));
      }),
    );
  });
});

describe('a scope expression', () => {
  it('is satisfied by all of its scopes, unless it is an empty AnyOf', () => {
    fc.assert(
      fc.property(expression, wanted => {
        fc.pre(!JSON.stringify(wanted).includes('"AnyOf":[]'));
        expect(satisfies(scopesIn(wanted), wanted)).toBe(true);
      }),
    );
  });

  it('stays satisfied with additional scopes', () => {
    fc.assert(
      fc.property(scopes, scopes, expression, (some, more, wanted) => {
        fc.pre(satisfies(some, wanted));
        expect(satisfies([...some, ...more], wanted)).toBe(true);
      }),
    );
  });

  it('misses nothing exactly when it is satisfied', () => {
    fc.assert(
      fc.property(scopes, expression, (given, wanted) => {
        expect(missingScopes(given, wanted) === undefined).toBe(satisfies(given, wanted));
      }),
    );
  });

  it('is satisfied after the missing scopes are added', () => {
    fc.assert(
      fc.property(scopes, expression, (given, wanted) => {
        const missing = missingScopes(given, wanted);
        fc.pre(missing !== undefined && !JSON.stringify(wanted).includes('"AnyOf":[]'));
        expect(satisfies([...given, ...scopesIn(missing ?? '')], wanted)).toBe(true);
      }),
    );
  });

  it('lists only the scopes that are missing, and a single one without a list', () => {
    const wanted = { AllOf: ['a', { AnyOf: ['b', 'c'] }, 'd'] };
    expect(missingScopes(['a', 'b'], wanted)).toBe('d');
    expect(missingScopes(['a', 'd'], wanted)).toEqual({ AnyOf: ['b', 'c'] });
    expect(missingScopes([], wanted)).toEqual(wanted);
  });
});
