import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/cli/config/problem.ts';
import { PROPERTIES } from '../../src/worker/config/index.ts';
import { flagName, variableName } from '../../src/cli/config/spelling.ts';
import { read, required, type Given } from './given.ts';

/** Reads it, and sees that it is either a configuration or one error with a line for each problem. */
async function readsOrSaysWhy(given: Given): Promise<void> {
  try {
    const { config, warnings } = await read(given);
    expect(config.rootURL).toMatch(/^https?:\/\/[^/]+$/);
    for (const { message } of warnings) expect(message).not.toMatch(/\n/);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect([64, 73]).toContain(error.exitCode);
    expect(error.problems.length).toBeGreaterThan(0);
    for (const { message } of error.problems) expect(message).toMatch(/^[^\n]+$/);
  }
}

const names = [...PROPERTIES.keys()];
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    '',
    ' ',
    '0x4',
    '1e0',
    ' 4 ',
    '+4',
    '-0',
    '١',
    '4,0',
    'NaN',
    'null',
    '{}',
    '[]',
    '{"a":',
    'true ',
    '--help',
  ),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
);
const name = fc.constantFrom(...names);

describe('arbitrary input', () => {
  it('as a file leads to a configuration, or to one line per problem', async () => {
    const valid = JSON.stringify({ ...required, capacity: 2, workerTypeMetadata: { a: [1] } }, undefined, 1);
    const damaged = fc
      .tuple(fc.nat(valid.length), fc.nat(8), fc.string({ unit: 'binary', maxLength: 4 }))
      .map(([at, length, text]) => `${valid.slice(0, at)}${text}${valid.slice(at + length)}`);
    const files = fc.oneof(damaged, fc.json(), fc.string({ unit: 'binary' }));
    await fc.assert(
      fc.asyncProperty(files, fc.constantFrom('.json', '.yml', '.conf'), (file, extension) =>
        readsOrSaysWhy({ file, extension }),
      ),
      { numRuns: 500 },
    );
  });

  it('as a value in a file leads to a configuration, or to one line per problem', async () => {
    const values = fc.dictionary(name, fc.oneof(fc.jsonValue(), anyText));
    await fc.assert(
      fc.asyncProperty(values, file => readsOrSaysWhy({ file: { ...required, ...file } })),
      { numRuns: 300 },
    );
  });

  it('as variables and flags leads to a configuration, or to one line per problem', async () => {
    // The system has no variables, and no arguments, with a NUL.
    const texts = fc.dictionary(
      name,
      anyText.map(text => text.replaceAll('\0', '')),
    );
    await fc.assert(
      fc.asyncProperty(texts, texts, (variables, flags) =>
        readsOrSaysWhy({
          file: required,
          environment: Object.fromEntries(
            Object.entries(variables).map(([key, text]) => [variableName(key), text]),
          ),
          words: Object.entries(flags).map(([key, text]) => `${flagName(key)}=${text}`),
        }),
      ),
      { numRuns: 300 },
    );
  });

  it.each(['0x4', '1e0', ' 4 ', '١', '4,0', 'NaN'])('is not a number as capacity: %j', async text => {
    await expect(read({ file: required, words: ['--capacity', text] })).rejects.toThrow(
      /flag --capacity: capacity must be a whole number from 1 to 255; it is /,
    );
  });
});
