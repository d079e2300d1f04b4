import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isExact } from '../../src/cli/documents/exact-number.ts';
import { readDocument } from '../../src/cli/documents/read-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcw-documents-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;

function read(text: string | Uint8Array, extension = '.json') {
  const path = join(folder, `${++count}${extension}`);
  writeFileSync(path, text);
  return readDocument(path, 'file x');
}

describe('a number', () => {
  it.each([
    '0',
    '-0',
    '1',
    '1.0',
    '1e2',
    '100',
    '0.1',
    '0.10',
    '9007199254740991',
    '1e308',
    '-2.5E-3',
    '5e-324',
  ])('%s is accepted', text => {
    expect(isExact(text)).toBe(true);
  });

  it.each([
    '9007199254740993',
    '1e400',
    '-1e400',
    '0.1234567890123456789',
    '12345678901234567890',
    '1e-400',
    '1152921504606846976',
    '1.00000000000000000001',
  ])('%s would be altered', text => {
    expect(isExact(text)).toBe(false);
  });

  it('is accepted if JavaScript has written it', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(fc.property(finite, value => isExact(String(value))));
  });

  it('of a million digits is checked quickly', () => {
    expect(isExact(`1${'0'.repeat(1_000_000)}1`)).toBe(false);
    expect(isExact(`0.${'0'.repeat(1_000_000)}`)).toBe(true);
  });
});

describe('content that would be dropped or altered silently', () => {
  it.each<[string, string, string]>([
    ['.json', '{"a": 1,\n "a": 2}', 'file x, line 2, column 2: duplicate name "a"'],
    ['.json', '{"a": {"b": 1, "\\u0062": 2}}', 'file x, line 1, column 16: duplicate name "\\u0062"'],
    ['.json', '[{"__proto__": 1, "__proto__": 2}]', 'file x, line 1, column 19: duplicate name "__proto__"'],
    [
      '.json',
      '{"a": 9007199254740993}',
      'file x, line 1, column 7: JavaScript cannot keep this number exactly; write it in quotes',
    ],
    [
      '.json',
      '[1e400]',
      'file x, line 1, column 2: JavaScript cannot keep this number exactly; write it in quotes',
    ],
    [
      '.yml',
      'a: 9007199254740993',
      'file x, line 1, column 4: JavaScript cannot keep this number exactly; write it in quotes',
    ],
    [
      '.yml',
      'a: 1\n---\nb: 2\n',
      'file x, line 2, column 1: a second document begins here, and only one can be read',
    ],
    ['.yml', 'a: 1\na: 2\n', 'file x, line 2, column 1: not YAML (duplicate key)'],
  ])('in %s: %j', async (extension, text, problem) => {
    expect(await read(text, extension)).toEqual({ problems: [problem] });
  });

  it('does not include equal names in different objects, or strings that look like numbers', async () => {
    const text = '[{"a": 1}, {"a": "9007199254740993", "b": {"a": 2}}]';
    expect(await read(text)).toEqual({ content: JSON.parse(text) as unknown });
  });
});

describe('YAML', () => {
  it.each<[string, unknown]>([
    [
      'base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n',
      { base: { a: 1, b: 2 }, mine: { a: 1, b: 3 } },
    ],
    [
      'x: &x {a: 1}\ny: &y {b: 2}\nmine:\n  <<: [*x, *y]\n',
      { x: { a: 1 }, y: { b: 2 }, mine: { a: 1, b: 2 } },
    ],
    ['a: yes\nb: 0o17\nc: 010\nd: 2026-11-29\n', { a: 'yes', b: 15, c: 10, d: '2026-11-29' }],
    ['--- \na: 1\n...\n', { a: 1 }],
  ])('%j', async (text, content) => {
    expect(await read(text, '.yml')).toEqual({ content });
  });
});

describe('a file that cannot be read', () => {
  it.each<[string, string]>([
    ['/dev/zero', 'it is larger than 16 MB'],
    ['/nowhere/x.json', 'there is no such file'],
    ['/dev/null/x.json', 'a part of its path is not a directory'],
    ['/', 'it is a directory'],
    [`/${'x'.repeat(5_000)}`, 'its name is too long'],
    ['/x\0y', 'its path holds a NUL byte'],
  ])('%j: %s', async (path, reason) => {
    expect(await readDocument(path, 'file x')).toEqual({ problems: [`file x cannot be read: ${reason}`] });
  });

  it('may not be UTF-8', async () => {
    expect(await read(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual({
      problems: ['file x cannot be read: it is not UTF-8'],
    });
    expect(await read(Buffer.from('\uFEFF{}', 'utf16le'))).toEqual({
      problems: ['file x cannot be read: it is not UTF-8'],
    });
  });

  it.each([
    ['.json', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['.yml', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['.yml', `a: ${'- '.repeat(50_000)}x`],
    ['.json', '{"a":'.repeat(100_000)],
  ])('in %s that are nested too deeply lead to a few problems', async (extension, text) => {
    const answer = await read(text, extension);
    expect(answer).toHaveProperty('problems');
    expect((answer as { problems: string[] }).problems.length).toBeLessThan(12);
  });
});

describe('arbitrary bytes', () => {
  const words = [
    '{',
    '}',
    '[',
    ']',
    '"a"',
    ':',
    ',',
    '\n',
    ' ',
    '- ',
    '&x ',
    '*x',
    '<<: ',
    '1e999',
    '!!js ',
    '---\n',
    '|',
    '\t',
    '"',
    '\u0000',
    '🦊',
  ];
  const yamlish = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map(parts => parts.join(''));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array)),
    fc.oneof(fc.string({ unit: 'binary' }), fc.json(), yamlish).map(text => Buffer.from(text)),
  );

  it('lead to content, or to problems of one line each', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom('.json', '.yml', ''), async (text, extension) => {
        const answer = await read(text, extension);
        if ('content' in answer) return;
        expect(answer.problems.length).toBeGreaterThan(0);
        for (const problem of answer.problems) expect(problem).toMatch(/^file x[^\n]+$/);
      }),
      { numRuns: 1_000 },
    );
  });
});
