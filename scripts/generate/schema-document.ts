import { GenerateFailure } from './failure.ts';

/** A JSON schema of draft-07, as far as the generator reads it. */
export type JsonSchema = Record<string, unknown>;

/** Keywords for human readers. They contain the authors' prose, and a validator does not need them. */
const PROSE = new Set(['title', 'description', 'examples', '$comment']);

/** Keywords that are set for each document, so the values in the source do not matter. */
const HEAD = new Set(['$id', '$schema']);

const PLAIN = new Set(
  `$ref type enum const default format pattern required multipleOf maximum exclusiveMaximum minimum
  exclusiveMinimum maxLength minLength maxItems minItems uniqueItems maxProperties minProperties
  readOnly writeOnly contentMediaType contentEncoding`.split(/\s+/),
);

/** Keywords that contain a schema or a list of schemas. */
const SCHEMAS = new Set(
  `additionalItems additionalProperties allOf anyOf contains else if items not oneOf propertyNames
  then`.split(/\s+/),
);

/** Keywords that contain schemas by name. The names belong to the data: a property may be called `title`. */
const NAMED_SCHEMAS = new Set(['definitions', 'dependencies', 'patternProperties', 'properties']);

export function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns a copy of a schema in which `change` was applied to every schema, innermost first, with sorted keywords.
 *
 * @param where the document's path, for messages
 * @throws GenerateFailure on a keyword that draft-07 does not have: dropping it could accept too much
 */
export function mapSchema(
  schema: unknown,
  where: string,
  change: (copy: JsonSchema, original: JsonSchema) => JsonSchema,
): unknown {
  if (Array.isArray(schema)) return schema.map(item => mapSchema(item, where, change));
  if (!isObject(schema)) return schema;
  const copy: JsonSchema = {};
  for (const [keyword, value] of sorted(schema)) {
    if (PLAIN.has(keyword) || PROSE.has(keyword) || HEAD.has(keyword)) copy[keyword] = value;
    else if (SCHEMAS.has(keyword)) copy[keyword] = mapSchema(value, where, change);
    else if (NAMED_SCHEMAS.has(keyword) && isObject(value)) {
      copy[keyword] = Object.fromEntries(
        sorted(value).map(([name, item]) => [name, mapSchema(item, where, change)]),
      );
    } else throw new GenerateFailure(`${where} has the keyword ${keyword}, which draft-07 does not know`);
  }
  return change(copy, schema);
}

/** Returns the part of a schema that a machine needs, without prose and identity. */
export function withoutProse(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).filter(([keyword]) => !PROSE.has(keyword) && !HEAD.has(keyword)),
  );
}

function sorted(object: JsonSchema): [string, unknown][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
