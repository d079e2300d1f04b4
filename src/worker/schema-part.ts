import { readFileSync } from 'node:fs';
import type { FormatName } from './task-spec.ts';

/** Part of the schema of a payload (JSON schema, draft-07). */
export interface SchemaPart {
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** Reads one of tcw's own schema parts: `schemas/payload/<format>/<name>.json`. */
export function ownSchemaPart(format: FormatName, name: string): SchemaPart {
  const url = new URL(`../../schemas/payload/${format}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as SchemaPart;
}

/** Returns the schema part for a switch under `features` that is off by default. */
export function switchPart(name: string, title: string): SchemaPart {
  return {
    properties: {
      features: {
        type: 'object',
        additionalProperties: false,
        properties: { [name]: { type: 'boolean', default: false, title } },
      },
    },
  };
}
