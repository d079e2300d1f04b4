import { expectation } from '../properties/index.ts';
import { OBSOLETE_PROPERTIES } from './obsolete.ts';
import { PROPERTIES } from './properties.ts';
import type { Property } from '../properties/index.ts';

/**
 * Matches IPv4 exactly, and IPv6 by its characters. A `format` would need a plug-in of whichever validator is
 * used.
 */
const IP_ADDRESS = '^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?!$)|$)){4}$|^(?=.*:)[\\da-fA-F:.]+$';

/** A JSON schema of draft 07, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Returns the JSON schema of a whole configuration. `tcw run` validates its input with it, so it describes
 * exactly what is accepted. A file alone may omit properties that variables or flags provide.
 */
export function configSchema(): JsonSchema {
  const current = [...PROPERTIES].map(([name, property]) => [name, propertySchema(property)] as const);
  const obsolete = [...OBSOLETE_PROPERTIES].map(
    ([name, { replacedBy }]) =>
      [name, { description: `Obsolete, no effect. Replaced by ${replacedBy}`, deprecated: true }] as const,
  );
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of tcw',
    type: 'object',
    properties: Object.fromEntries([...current, ...obsolete]),
    required: [...PROPERTIES].flatMap(([name, property]) => (property.required ? [name] : [])),
    additionalProperties: false,
  };
}

function propertySchema(property: Property): JsonSchema {
  return {
    description: `${property.description}. Must be ${expectation(property)}.`,
    ...valueSchema(property),
    ...(property.default !== undefined && { default: property.default }),
    ...(property.secret && { writeOnly: true }),
  };
}

function valueSchema(property: Property): JsonSchema {
  switch (property.type) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return {
        type: 'integer',
        ...(property.minimum !== undefined && { minimum: property.minimum }),
        ...(property.maximum !== undefined && { maximum: property.maximum }),
      };
    case 'seconds':
      return { type: 'integer', minimum: 0 };
    case 'port':
      return { type: 'integer', minimum: 0, maximum: 65_535 };
    case 'object':
      return { type: 'object', ...(property.keys && keysSchema(property.keys)) };
    case 'strings':
      return { type: 'array', items: { type: 'string' } };
    case 'ip':
      return { type: 'string', pattern: IP_ADDRESS };
    case 'directory':
    case 'file':
    case 'string':
      return {
        type: 'string',
        ...(property.oneOf && { enum: property.oneOf }),
        ...(property.pattern && { pattern: property.pattern.matches }),
      };
  }
}

function keysSchema(keys: Readonly<Record<string, string>>): JsonSchema {
  return {
    properties: Object.fromEntries(Object.entries(keys).map(([key, type]) => [key, { type }])),
    additionalProperties: false,
  };
}
