import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Secret } from '../../src/pulse/index.ts';
import { PROPERTIES } from '../../src/worker/config/index.ts';
import { asFlags, asVariables, read, required, WORKING_DIRECTORY, type Given } from './given.ts';
import { validValues } from './property-values.ts';

type Values = Readonly<Record<string, unknown>>;
type Place = 'default' | 'usual variable' | 'file' | 'variable' | 'flag';

const RISING: readonly Place[] = ['default', 'usual variable', 'file', 'variable', 'flag'];
const names = [...PROPERTIES.keys()];
const usual = names.filter(name => PROPERTIES.get(name)?.standardVariable !== undefined);

/** The properties that can be given at a place. */
const possible: Readonly<Record<Place, readonly string[]>> = {
  default: [],
  'usual variable': usual,
  file: names,
  variable: names,
  flag: names,
};

const pairs = RISING.flatMap((lower, i) => RISING.slice(i + 1).map(higher => [lower, higher] as const));

describe('the precedence of the sources', () => {
  it.each(pairs)('applies to every property: %s, overridden by %s', async (lower, higher) => {
    const cases = fc.record({
      low: validValues(possible[lower]),
      high: validValues(possible[higher]),
      yaml: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ low, high, yaml }) => {
        // Somebody has to give what is required; the file is where nobody else does.
        const filler = Object.fromEntries(
          Object.entries(required).filter(([name]) => !(name in low) && !(name in high)),
        );
        const byPlace: Partial<Record<Place, Values>> = { [lower]: low, [higher]: high };
        const { config } = await read(given({ ...byPlace, file: { ...filler, ...byPlace.file } }, yaml));
        expect(plain(config)).toEqual(expected({ ...filler, ...low, ...high }));
      }),
      { numRuns: 15 },
    );
  });

  it('takes each property from the source with the highest precedence that sets it', async () => {
    const places = ['usual variable', 'file', 'variable', 'flag'] as const;
    const some = (place: Place) => fc.subarray([...possible[place]]).chain(subset => validValues(subset));
    await fc.assert(
      fc.asyncProperty(fc.tuple(...places.map(some)), async given4 => {
        const [usualValues = {}, inFile = {}, inVariables = {}, inFlags = {}] = given4;
        const file = { ...missingFrom(usualValues, inFile, inVariables, inFlags), ...inFile };
        const { config } = await read(
          given({ 'usual variable': usualValues, file, variable: inVariables, flag: inFlags }, false),
        );
        const rising = [usualValues, file, inVariables, inFlags];
        const winners = Object.assign({}, ...rising) as Record<string, unknown>;
        // The rule for certificates has a test of its own.
        const rank = (name: string) => rising.findLastIndex(values => name in values);
        if (rank('certificate') < rank('accessToken')) delete winners.certificate;
        expect(plain(config)).toEqual(expected(winners));
      }),
      { numRuns: 60 },
    );
  });
});

function given(byPlace: Partial<Record<Place, Values>>, yaml: boolean): Given {
  const file = byPlace.file ?? {};
  return {
    file: yaml ? stringify(file) : file,
    extension: yaml ? '.yml' : '.json',
    environment: {
      ...usualVariables(byPlace['usual variable'] ?? {}),
      ...asVariables(byPlace.variable ?? {}),
    },
    words: asFlags(byPlace.flag ?? {}),
  };
}

function usualVariables(values: Values): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      PROPERTIES.get(name)?.standardVariable ?? '',
      String(value),
    ]),
  );
}

function missingFrom(...sources: readonly Values[]): Values {
  return Object.fromEntries(
    Object.entries(required).filter(([name]) => !sources.some(values => name in values)),
  );
}

/** What a worker should get of values: defaults added, paths absolute. */
function expected(values: Values): Values {
  const entries = [...PROPERTIES].flatMap(([name, property]) => {
    const value = name in values ? values[name] : property.default;
    if (value === undefined) return [];
    if (property.type === 'object')
      return [[name, { ...(property.default as object), ...(value as object) }]];
    if (property.type === 'directory' || property.type === 'file') {
      return [[name, resolve(WORKING_DIRECTORY, value as string)]];
    }
    return [[name, value]];
  });
  return Object.fromEntries(entries) as Values;
}

function plain(config: object): Values {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]),
  );
}
