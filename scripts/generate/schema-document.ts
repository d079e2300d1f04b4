import { GenerateFailure } from './failure.ts';

/** A JSON schema of draft-07, as far as the generator looks into it. */
export type JsonSchema = Record<string, unknown>;

/** Keywords for a reader. They are the authors' prose, and a validator has no use for them. */
const PROSE = new Set(['title', 'description', 'examples', '$comment']);

/** Set anew for each document, so what the source says there does not matter. */
const HEAD = new Set(['$id', '$schema']);

const PLAIN = new Set(
  `$ref type enum const default format pattern required multipleOf maximum exclusiveMaximum minimum
  exclusiveMinimum maxLength minLength maxItems minItems uniqueItems maxProperties minProperties
  readOnly writeOnly contentMediaType contentEncoding`.split(/\s+/),
);

/** Keywords that hold a schema or a list of schemas. */
const SCHEMAS = new Set(
  `additionalItems additionalProperties allOf anyOf contains else if items not oneOf propertyNames
  then`.split(/\s+/),
);

/** Keywords that hold schemas by name. The names are the data's own: a property may be called `title`. */
const NAMED_SCHEMAS = new Set(['definitions', 'dependencies', 'patternProperties', 'properties']);

export function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy of a schema in which each schema has gone through `change`, innermost first, with its keywords
 * sorted.
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

/** What is left of a schema for a machine: no prose, no identity. */
export function withoutProse(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).filter(([keyword]) => !PROSE.has(keyword) && !HEAD.has(keyword)),
  );
}

function sorted(object: JsonSchema): [string, unknown][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
