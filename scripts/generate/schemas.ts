import { posix } from 'node:path';

import { GenerateFailure } from './failure.ts';
import { isObject, mapSchema, withoutProse, type JsonSchema } from './schema-document.ts';
import type { Source } from './source.ts';

/**
 * The required documents, by path below `schemas/` (`taskcluster/queue/v1/task.json`). Each is a draft-07 schema. Its
 * `$id` is its path with a leading slash, and its references are relative, so it can be resolved without a network.
 */
export type Schemas = ReadonlyMap<string, JsonSchema>;

/** The paths that may become files, so that a deployment cannot choose a path outside of `schemas/`. */
const SCHEMA_PATH = /^\/schemas\/([a-z][a-z0-9-]*\/v\d+\/[a-z0-9][A-Za-z0-9.-]*\.json)$/;

/** Converts `/schemas/queue/v1/task.json` to `taskcluster/queue/v1/task.json`. */
export function localPath(remotePath: string): string {
  const [, path] = SCHEMA_PATH.exec(remotePath) ?? [];
  if (path === undefined) throw new GenerateFailure(`${remotePath} is not the path of a schema`);
  return `taskcluster/${path}`;
}

/**
 * Loads schemas and all schemas that they refer to.
 *
 * @param roots paths as in the source: `/schemas/queue/v1/task.json`
 */
export async function loadSchemas(source: Source, roots: Iterable<string>): Promise<Schemas> {
  const schemas = new Map<string, JsonSchema>();
  const waiting = new Set(roots);
  for (const path of waiting) {
    const id = localPath(path);
    const document = await source.read(path);
    const schema = mapSchema(document, path, part => {
      if (typeof part.$ref !== 'string') return withoutProse(part);
      const target = source.resolve(part.$ref, path);
      waiting.add(target.path);
      return withoutProse({ ...part, $ref: relative(id, localPath(target.path), target.fragment) });
    });
    if (!isObject(schema)) throw new GenerateFailure(`${path} is not a JSON schema`);
    schemas.set(id, { $schema: 'http://json-schema.org/draft-07/schema#', $id: `/${id}`, ...schema });
  }
  return new Map([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function relative(from: string, to: string, fragment: string): string {
  const path = from === to ? '' : posix.relative(posix.dirname(from), to);
  return fragment || !path ? `${path}#${fragment}` : path;
}
