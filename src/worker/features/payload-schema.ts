import { readFileSync } from 'node:fs';
import { validator, type Validator } from '../../exchanges/index.ts';
import { FEATURES } from './all.ts';

interface SchemaPart {
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

const ENGINE_PART = 'native';

let merged: object | undefined;
let check: Validator | undefined;

/** The schema of the payloads that this worker takes (JSON schema draft-07): the engine's part and each feature's. */
export function payloadSchema(): object {
  merged ??= mergeParts([ENGINE_PART, ...FEATURES.map(feature => feature.schema)]);
  return merged;
}

/** What is wrong with a payload, each problem beginning with its JSON pointer. Fills in defaults. */
export function payloadProblems(payload: unknown): string[] {
  check ??= validator(payloadSchema(), { fillDefaults: true });
  return check(payload);
}

/**
 * @param names of files in `schemas/payload/`
 * @throws Error when two parts claim the same property: a mistake in this program, found when it starts
 */
export function mergeParts(names: readonly string[]): object {
  const properties: Record<string, object> = {};
  const required: string[] = [];
  for (const name of names) {
    const part = readPart(name);
    for (const [property, schema] of Object.entries(part.properties)) {
      if (properties[property])
        throw new Error(`two parts of the payload schema have a property "${property}"`);
      properties[property] = schema;
    }
    required.push(...(part.required ?? []));
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Payload of a tcw task',
    type: 'object',
    additionalProperties: false,
    required,
    properties,
  };
}

function readPart(name: string): SchemaPart {
  const url = new URL(`../../../schemas/payload/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as SchemaPart;
}
