import type { SchemaPart } from '../schema-part.ts';

/** A JSON schema of an object. */
interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
}

/**
 * Merges schema parts, each of which belongs to a feature or to the format itself. Parts may share a property
 * that is an object, such as `features`, if each uses different names in it.
 *
 * @param parts with the names of their owners
 * @throws Error when two parts claim the same property: a mistake in a feature, found when the worker starts
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
      mergeInto(there.properties, schema.properties, { owner, owners, path });
    } else {
      throw new Error(`${other} and ${owner} both have a payload property ${path}`);
    }
  }
}

function claimInside(schema: object, { owner, owners, path }: Merging): void {
  if (!isShared(schema)) return;
  for (const name of Object.keys(schema.properties)) owners.set(`${path}/${name}`, owner);
}

function isShared(schema: object): schema is ObjectSchema & { properties: Record<string, object> } {
  const { type, properties } = schema as Partial<ObjectSchema>;
  return type === 'object' && properties !== undefined;
}
