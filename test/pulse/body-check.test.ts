import { describe, expect, it } from 'vitest';
import { binding } from '../../src/pulse/index.ts';

const check = (schema: object) => binding('exchange/x/y', '#', schema).problems ?? (() => ['no check']);

describe('the JSON schema of a binding', () => {
  it.each([
    'http://json-schema.org/draft-06/schema#',
    'http://json-schema.org/draft-07/schema#',
    'https://json-schema.org/draft/2019-09/schema',
    'https://json-schema.org/draft/2020-12/schema',
  ])('may follow %s', $schema => {
    const problems = check({
      $schema,
      type: 'object',
      properties: { when: { type: 'string', format: 'date-time' } },
      required: ['when'],
      additionalProperties: false,
    });
    expect(problems({ when: '2026-01-01T00:00:00Z' })).toEqual([]);
    expect(problems({})).toEqual(['/when is missing']);
    expect(problems({ when: 'soon' })).toEqual(['/when must match format "date-time"']);
    expect(problems({ when: '2026-01-01T00:00:00Z', more: 1 })).toEqual(['/more is not a known property']);
    expect(problems(1)).toEqual(['/ must be object']);
  });

  it('may have the $id of another one, and unknown keywords', () => {
    const [numbers, texts] = ['number', 'string'].map(type =>
      check({ $id: 'https://example.com/same', 'x-owner': 'me', type }),
    );
    expect([numbers?.(1), texts?.(1)]).toEqual([[], ['/ must be string']]);
  });

  it('may refer to itself', () => {
    const lists = check({ type: 'array', items: { $ref: '#' } });
    expect([lists([[], [[]]]), lists([[1]])]).toEqual([[], ['/0/0 must be array']]);
  });

  it('is compiled again for a different date in an object, but not for the same JSON', () => {
    const unique = check({ type: 'array', uniqueItems: true });
    expect(unique([new Date(0), new Date(1)])).toEqual([]);
    expect(unique([{ at: new Date(0) }, { at: new Date(1) }])).toEqual([]);
    expect(unique([new Date(0), new Date(0)])).toHaveLength(1);
    expect(unique([{ toJSON: 1 }, { toJSON: 2 }])).toEqual([]);
  });

  it('is refused at once if it is invalid', () => {
    const invalid = expect.objectContaining({ kind: 'invalid' });
    expect(() => check({ type: 'nonsense' })).toThrow(invalid);
    expect(() => check({ $ref: 'https://example.com/elsewhere' })).toThrow(invalid);
  });
});
