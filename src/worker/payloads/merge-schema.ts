import type { SchemaPart } from '../schema-part.ts';

/** A JSON schema of an object. */
interface ObjectSchema {
  readonly type: 'object';
  properties: Record<string, object>;
  required?: readonly string[];
  additionalProperties?: unknown;
}

/** The keywords that the schema of a shared object may have. Others could not be merged. */
const MERGEABLE = ['type', 'title', 'description', 'properties', 'required', 'additionalProperties'];

/**
 * Merges schema parts, each of which belongs to a feature or to the format itself. Parts may share a property
 * that is an object, such as `features`, if each uses different names in it. The whole is as strict as each part.
 *
 * @param parts with the names of their owners
 * @throws Error when two parts claim the same property, or cannot be merged: a mistake in a feature, found when the worker starts
 */
export function mergeSchema(title: string, parts: readonly (readonly [owner: string, SchemaPart])[]): object {
  const properties: Record<string, object> = {};
  const owners = new Map<string, string>();
  for (const [owner, part] of parts) mergeInto(properties, part.properties, { owner, owners, path: '' });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    type: 'object',
    additionalProperties: false,
    required: parts.flatMap(([, { required = [] }]) => required),
    properties,
  };
}

interface Merging {
  readonly owner: string;
  /** The owner of each property, by path. */
  readonly owners: Map<string, string>;
  readonly path: string;
}

function mergeInto(target: Record<string, object>, part: SchemaPart['properties'], merging: Merging): void {
  const { owner, owners } = merging;
  for (const [name, schema] of Object.entries(part)) {
    const path = `${merging.path}/${name}`;
    const there = target[name];
    const other = owners.get(path);
    if (there === undefined || other === undefined) {
      target[name] = structuredClone(schema);
      owners.set(path, owner);
      claimInside(schema, { owner, owners, path });
    } else if (isShared(there) && isShared(schema)) {
      assertMergeable(there, other, path);
      assertMergeable(schema, owner, path);
      mergeInto(there.properties, schema.properties, { owner, owners, path });
      if (schema.required) there.required = [...(there.required ?? []), ...schema.required];
      if (schema.additionalProperties === false) there.additionalProperties = false;
    } else {
      throw new Error(`${other} and ${owner} both have a payload property ${path}`);
    }
  }
}

function assertMergeable(schema: ObjectSchema, owner: string, path: string): void {
  const lost = Object.entries(schema).find(
    ([keyword, value]) =>
      !MERGEABLE.includes(keyword) || (keyword === 'additionalProperties' && typeof value !== 'boolean'),
  );
  if (lost) throw new Error(`${owner} has "${lost[0]}" in the payload property ${path}, which others share`);
}

function claimInside(schema: object, { owner, owners, path }: Merging): void {
  if (!isShared(schema)) return;
  for (const [name, inside] of Object.entries(schema.properties)) {
    owners.set(`${path}/${name}`, owner);
    claimInside(inside, { owner, owners, path: `${path}/${name}` });
  }
}

function isShared(schema: object): schema is ObjectSchema {
  const { type, properties } = schema as Partial<ObjectSchema>;
  return type === 'object' && properties !== undefined;
}
