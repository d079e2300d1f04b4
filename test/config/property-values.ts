import fc from 'fast-check';
import { PROPERTIES, type Property } from '../../src/worker/config/index.ts';

/** Ports that never overlap, whatever the capacity. */
const PORTS: Readonly<Record<string, fc.Arbitrary<number>>> = {
  taskclusterProxyPort: fc.integer({ min: 1, max: 10_000 }),
  livelogPortBase: fc.integer({ min: 20_000, max: 30_000 }),
  interactivePort: fc.integer({ min: 40_000, max: 50_000 }),
};

/** Root URLs as they come out again: each has one spelling. */
const ROOT_URLS = ['https://tc.example.com', 'http://127.0.0.1:8080', 'https://[2001:db8::1]:444'];

/** It stands for two others, which it must not contradict: worker-pool-id.test.ts is about it. */
const DEPENDENT = 'workerPoolId';

/** A value that each of the named properties accepts, as a file has it. */
export function validValues(names: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const independent = names.filter(name => name !== DEPENDENT);
  return fc.record(Object.fromEntries(independent.map(name => [name, validValue(name)])));
}

function validValue(name: string): fc.Arbitrary<unknown> {
  const property = PROPERTIES.get(name);
  if (property === undefined) throw new Error(`no property ${name}`);
  if (name === 'rootURL') return fc.constantFrom(...ROOT_URLS);
  return PORTS[name] ?? ofType(property);
}

function ofType(property: Property): fc.Arbitrary<unknown> {
  if (property.oneOf) return fc.constantFrom(...property.oneOf);
  if (property.pattern) return fc.stringMatching(new RegExp(property.pattern.matches));
  switch (property.type) {
    case 'string':
      return fc.string({ minLength: 1 });
    case 'strings':
      return fc.array(fc.string());
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: property.minimum ?? 0, max: property.maximum ?? Number.MAX_SAFE_INTEGER });
    case 'seconds':
      return fc.nat();
    case 'port':
      return fc.integer({ min: 0, max: 65_535 });
    case 'ip':
      return fc.oneof(fc.ipV4(), fc.ipV6());
    case 'directory':
    case 'file':
      return fc.stringMatching(/^\/?[a-z]{1,5}(\/[a-z]{1,5}){0,2}$/);
    case 'object':
      return property.keys ? withKeys(property.keys) : fc.dictionary(fc.string(), json());
  }
}

function withKeys(keys: NonNullable<Property['keys']>): fc.Arbitrary<unknown> {
  const values = Object.entries(keys).map(([key, type]): [string, fc.Arbitrary<unknown>] => [
    key,
    type === 'boolean' ? fc.boolean() : fc.string(),
  ]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

/** JSON has no -0. */
function json(): fc.Arbitrary<unknown> {
  return fc.jsonValue().map(value => JSON.parse(JSON.stringify(value)) as unknown);
}
