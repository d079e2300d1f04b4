import { describe, expect, it } from 'vitest';
import { validator } from '../../src/base/index.ts';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { binding } from '../../src/pulse/index.ts';
import taskException from './fixture/task-exception.json' with { type: 'json' };

/** A schema that takes a list of things, each in a few ways wrong. */
const things = {
  type: 'object',
  additionalProperties: false,
  properties: {
    things: {
      type: 'array',
      items: { type: 'object', required: ['a', 'b'], properties: { a: { type: 'string' } } },
    },
    nested: { $ref: '#/definitions/nested' },
    unique: { type: 'array', uniqueItems: true },
    either: {
      anyOf: [{ type: 'object', additionalProperties: false, properties: { a: {} } }, { type: 'string' }],
    },
  },
  definitions: { nested: { type: 'array', items: { $ref: '#/definitions/nested' } } },
};

const CHECKS: readonly [string, (value: unknown) => readonly string[]][] = [
  ['a validator', validator(things)],
  ['a validator that accepts what is unknown', validator(things, { acceptUnknown: true })],
  ['a validator that fills in defaults', validator(things, { fillDefaults: true })],
  ['a binding', binding('exchange/x/y', '#', things).problems ?? (() => [])],
];

/** Not so much of it that a test run is slow, far more than anybody would read. */
const MANY = 100_000;

describe.each(CHECKS)('%s', (_, check) => {
  it('lists a few problems of a body with many, and says that there are more', () => {
    const problems = check({ things: Array.from({ length: 1_000 }, () => ({ a: 1 })) });
    expect(problems).toHaveLength(21);
    expect(problems.slice(0, 2)).toEqual(['/things/0/b is missing', '/things/0/a must be string']);
    expect(problems.at(-1)).toBe('1980 more problems');
  });

  it('lists the first problem of a body that is large', () => {
    const problems = check({ things: Array.from({ length: MANY }, () => ({ a: 1 })) });
    expect(problems).toEqual([
      '/things/0/b is missing',
      'the body is large: its other problems were not looked for',
    ]);
  });

  it('shortens long names in problems, and lets nothing control a terminal or forge a line', () => {
    const long = check({ things: [{ ['x'.repeat(MANY)]: 1, a: 1, b: 1 }] });
    expect(long.join().length).toBeLessThan(1_000);
    const [problem] = validator(things)({ [`${'x'.repeat(MANY)}`]: 1 });
    expect(problem?.length).toBeLessThan(400);
    const named = validator({ type: 'object', additionalProperties: { type: 'number' } })({
      'a\n[forged] \u001b[2J\u009b': 'b',
    });
    expect(named).toEqual(['/a\\u000a[forged] \\u001b[2J\\u009b must be number']);
  });

  it('accepts a deeply nested body, or says that it cannot be checked', () => {
    const depth = 100_000;
    const nested = JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
    const answer = (() => {
      try {
        return check({ nested });
      } catch (error) {
        return String(error);
      }
    })();
    expect(answer).toEqual([expect.stringContaining('cannot be checked')]);
    expect(check({ things: [{ a: '', b: nested }] })).toEqual([]);
  });

  it('is not slowed down by a list of many different items', () => {
    // Compared each with each other they would take many minutes.
    const unique = Array.from({ length: MANY }, (_, n) => ({ n, of: [n] }));
    expect(check({ unique })).toEqual([]);
    expect(check({ unique: [{ a: 1, b: [2] }, 1, '1', null, 'null', { b: [2], a: 1 }] })).toEqual([
      '/unique must NOT have duplicate items (items ## 0 and 5 are identical)',
    ]);
    expect(check({ unique: [1, '1', null, 'null', [1], ['1'], {}, [], true, 'true'] })).toEqual([]);
  });
});

describe('unknown properties', () => {
  it('are accepted in any number where a later Taskcluster may add them', () => {
    const problems = queueExchanges.taskException().problems ?? (() => ['no check']);
    const more = Object.fromEntries(Array.from({ length: MANY }, (_, n) => [`x${n}`, n]));
    expect(problems({ ...taskException, ...more, status: { ...taskException.status, ...more } })).toEqual([]);
    expect(problems({ ...taskException, ...more, runId: '0' })).toEqual([
      '/runId must be integer',
      'the body is large: its other problems were not looked for',
    ]);
  });

  it('are still problems inside anyOf, where they distinguish the alternatives', () => {
    const check = validator(things, { acceptUnknown: true });
    expect(check({ either: { a: 1 }, more: 1 })).toEqual([]);
    expect(check({ either: { b: 1 } })).toContain('/either must match a schema in anyOf');
  });
});
