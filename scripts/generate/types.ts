import { posix } from 'node:path';
import { compile } from 'json-schema-to-typescript';

import { pointerSteps } from '../../src/base/index.ts';
import { GenerateFailure } from './failure.ts';
import { namedParts, typeName } from './names.ts';
import { isObject, mapSchema, type JsonSchema } from './schema-document.ts';
import type { Schemas } from './schemas.ts';

/** The TypeScript for some schemas. Each document, and each named part of one, is declared once. */
interface Types {
  /** The declarations, by name and sorted. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Names that are used here or by such types and declared elsewhere, sorted. */
  readonly imported: readonly string[];
}

/** Describes a type, or a field of it if `field` is given. A type or field without a description gets no docstring. */
export type Describe = (type: string, field?: string) => string | undefined;

/**
 * Declares types for documents and for all documents that they refer to as a whole. A reference into the middle of a
 * document, such as `task.json#/properties/tags`, is expanded in place unless that part has a name.
 *
 * @param paths below `schemas/`
 * @param elsewhere names that are imported, not declared
 * @param describe returns the docstrings
 */
export async function declareTypes(
  schemas: Schemas,
  paths: Iterable<string>,
  elsewhere: ReadonlySet<string> = new Set(),
  describe: Describe = () => undefined,
): Promise<Types> {
  const waiting = new Set(paths);
  const sources = new Map<string, string>();
  const declarations = new Map<string, string>();
  const imported = new Set<string>();

  /** Returns the type of a whole document or a named part, and schedules its declaration. */
  const use = (address: string): JsonSchema => {
    waiting.add(address);
    return { tsType: typeName(address) };
  };

  for (const address of waiting) {
    const name = typeName(address);
    const schema = withTypes(schemas, address, use);
    if (elsewhere.has(name)) {
      imported.add(name);
      continue;
    }
    const other = sources.get(name);
    if (other !== undefined) throw new GenerateFailure(`${address} and ${other} would both be named ${name}`);
    sources.set(name, address);
    declarations.set(name, await declare(described(schema, name, describe), name));
  }
  return {
    declarations: new Map([...declarations].sort(([a], [b]) => (a < b ? -1 : 1))),
    imported: [...imported].sort(),
  };
}

/** Returns a schema in which each reference is replaced by the name of a type or by the schema it refers to. */
function withTypes(
  schemas: Schemas,
  address: string,
  use: (address: string) => JsonSchema,
  within: readonly string[] = [],
): JsonSchema {
  if (within.includes(address)) throw new GenerateFailure(`${address} contains itself and has no name`);
  const [path = ''] = address.split('#');
  const named = new Map(namedParts(path).map(part => [find(schemas, part), part]));
  return mapSchema(find(schemas, address), path, (part, original) => {
    const name = named.get(original);
    if (name !== undefined && name !== address) return use(name);
    if (typeof part.$ref !== 'string') return simpleType(part);
    const [file = '', fragment = ''] = part.$ref.split('#');
    const target = file === '' ? path : posix.join(posix.dirname(path), file);
    if (fragment === '') return use(target);
    const inner = `${target}#${fragment}`;
    if (namedParts(target).includes(inner)) return use(inner);
    return withTypes(schemas, inner, use, [...within, address]);
  }) as JsonSchema;
}

/**
 * Keeps only the keywords that determine a type. Other constraints on strings and arrays cannot be expressed in a type.
 */
function simpleType({ type, ...rest }: JsonSchema): JsonSchema {
  if (type === 'array') return { type, items: rest.items };
  if (type === 'object' && rest.properties === undefined && rest.additionalProperties === undefined) {
    return { tsType: 'Record<string, unknown>' };
  }
  if (typeof type !== 'string' || type === 'object') return { ...(type !== undefined && { type }), ...rest };
  return { type, ...('enum' in rest && { enum: rest.enum }), ...('const' in rest && { const: rest.const }) };
}

function find(schemas: Schemas, address: string): JsonSchema {
  const [path = '', pointer = ''] = address.split('#');
  let found: unknown = schemas.get(path);
  for (const step of pointerSteps(pointer)) found = isObject(found) ? found[step] : undefined;
  if (!isObject(found)) throw new GenerateFailure(`there is no ${address}, but it is referred to`);
  return found;
}

/**
 * Returns a copy of a schema in which it and each of its properties has a `description`. The compiler turns them into
 * docstrings.
 */
function described(schema: JsonSchema, type: string, describe: Describe): JsonSchema {
  const withFields = (part: JsonSchema): JsonSchema => ({
    ...part,
    ...(isObject(part.properties) && {
      properties: Object.fromEntries(
        Object.entries(part.properties).map(([name, field]) => [
          name,
          isObject(field) ? withText(withFields(field), describe(type, name)) : field,
        ]),
      ),
    }),
  });
  return withText(withFields(schema), describe(type));
}

function withText(schema: JsonSchema, description: string | undefined): JsonSchema {
  return description === undefined ? schema : { ...schema, description };
}

async function declare({ $id: _id, ...schema }: JsonSchema, name: string): Promise<string> {
  const code = await compile(schema, name, {
    additionalProperties: false,
    bannerComment: '',
    format: false,
    unknownAny: true,
  });
  return code.replaceAll(/\/\*\*\n *\* (.*)\n *\*\//g, '/** $1 */');
}
