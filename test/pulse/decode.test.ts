import { describe, expect, it } from 'vitest';
import { BindingTable } from '../../src/pulse/topology/binding-table.ts';
import type { Binding } from '../../src/pulse/index.ts';
import { decode } from '../../src/pulse/consume/decode.ts';

const exchange = 'exchange/x/y';

function decoded(...answers: unknown[]) {
  const bindings = answers.map(
    answer => ({ exchange, pattern: '#', problems: () => answer }) as unknown as Binding,
  );
  const content = Buffer.from('{}');
  return decode(
    { deliveryTag: 1, redelivered: false, exchange, routingKey: 'k', content, headers: {} },
    new BindingTable(bindings),
  );
}

describe("the result of a caller's check", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;

  it.each([
    ['text', 'bad', 'bad'],
    [
      'an error object of ajv',
      { instancePath: '/n', message: 'odd' },
      '{"instancePath":"/n","message":"odd"}',
    ],
    ['an error', new Error('odd'), 'odd'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
    ['an object in itself', circular, 'a problem that has no text'],
  ])('may contain %s', (_, problem, text) => {
    expect(decoded([problem])).toEqual({ ok: false, problems: [text] });
    expect(decoded([problem], ['other'])).toEqual({ ok: false, problems: [text, 'other'] });
  });

  it.each([['bad'], [true], [null], [undefined], [Promise.resolve([])]])('must be a list, not %s', answer => {
    const problems = [
      'the body could not be checked: its schema, a function, must return an array of problems',
    ];
    expect(decoded(answer)).toEqual({ ok: false, problems });
  });
});
