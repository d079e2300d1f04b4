import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitter } from '../../src/base/index.ts';
import { matchesPattern } from '../../src/pulse/index.ts';

describe('a topic pattern', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['a.#', 'a', true],
    ['a.#.z', 'a.z', true],
    ['a.#.z', 'a.b.c.z', true],
    ['#.b.#', 'a.c', false],
    ['*', '', true],
  ])('%s on %s: %s', (pattern, key, expected) => {
    expect(matchesPattern(pattern, key)).toBe(expected);
  });

  it('matches like an equivalent regular expression', () => {
    const word = fc.constantFrom('a', 'b', 'c');
    const pattern = fc.array(fc.oneof(word, fc.constantFrom('*', '#')), { minLength: 1, maxLength: 6 });
    const key = fc.array(word, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pattern, key, (patternWords, words) => {
        // Each word carries its dot, so that `#` may stand for none.
        const source = patternWords.map(p =>
          p === '#' ? '(?:[^.]+\\.)*' : p === '*' ? '[^.]+\\.' : `${p}\\.`,
        );
        const expected = new RegExp(`^${source.join('')}$`).test(words.map(w => `${w}.`).join(''));
        expect(matchesPattern(patternWords.join('.'), words.join('.'))).toBe(expected);
      }),
    );
  });
});

describe('backoff with full jitter', () => {
  it('is below a limit that doubles up to the maximum', () => {
    const backoff = { baseMs: 100, capMs: 1_000 };
    expect([1, 2, 3, 4, 5, 50].map(attempt => fullJitter(attempt, backoff, () => 1))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect(fullJitter(3, backoff, () => 0)).toBe(0);
  });
});
