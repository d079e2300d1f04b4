import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { payloadSchema } from '../../src/worker/index.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
}

/** Each property of a payload by its path: its default, and whether what holds it always needs it. */
function propertiesOf(schema: Schema, path = ''): [path: string, schema: Schema, isRequired: boolean][] {
  const { properties = {}, required = [], items, anyOf = [], additionalProperties: any } = schema;
  return [
    ...Object.entries(properties).flatMap(
      ([name, inner]) =>
        [
          [`${path}${name}`, inner, required.includes(name)],
          ...propertiesOf(inner, `${path}${name}.`),
        ] as ReturnType<typeof propertiesOf>,
    ),
    ...(items ? propertiesOf(items, `${path.slice(0, -1)}[].`) : []),
    ...(typeof any === 'object' ? propertiesOf(any, `${path}*.`) : []),
    ...anyOf.flatMap(each => propertiesOf(each, path)),
  ];
}

function rowsOf(file: string) {
  const page = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  return [...page.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm)].map(([, path = '', rest = '']) => {
    const [type = '', fallback = '', theirs = '', ours = ''] = rest.split(' | ').map(cell => cell.trim());
    return { path, type, fallback, theirs, ours };
  });
}

describe.each([
  ['payload.md', 'generic-worker', 'mounts[].content.sha256'],
  ['payload-docker-worker.md', 'docker-worker', 'artifacts.*.expires'],
] as const)('docs/%s', (file, format, example) => {
  const properties = propertiesOf(payloadSchema(format));
  const rows = rowsOf(file);

  it('the page has one row for each property of the payload, including nested ones', () => {
    const paths = [...new Set(properties.map(([path]) => path))].sort();
    expect(paths).toContain(example);
    expect(rows.map(({ path }) => path).sort()).toEqual(paths);
  });

  it.each(rows)('the page describes $path, and what both workers do', ({ type, theirs, ours }) => {
    expect([type, theirs, ours]).not.toContain('');
  });

  it.each(rows)('the page gives the default of $path', ({ path, fallback }) => {
    const same = properties.filter(([each]) => each === path);
    const given = same.flatMap(([, schema]) => (schema.default === undefined ? [] : [schema.default]));
    if (given.length > 0) expect(fallback).toBe(`\`${JSON.stringify(given[0])}\``);
    else expect(fallback.startsWith('required')).toBe(same.some(([, , isRequired]) => isRequired));
  });
});
