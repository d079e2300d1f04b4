import { createRequire } from 'node:module';
import type { Ajv, ErrorObject } from 'ajv';
import { boundedCheck, newAjv, problemText, type Draft } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { described } from '../options.ts';

/**
 * Checks a body. Returns its problems, or an empty list. Error messages show at most twenty problems, each on one
 * line.
 */
export type BodyCheck = (body: unknown) => readonly string[];

/** Describes a valid body: a JSON schema (draft-06, -07, 2019-09 or 2020-12), or a function that checks it. */
export type BodySchema = BodyCheck | object;

const checks = new WeakMap<object, BodyCheck>();
const NONE: readonly string[] = [];

/**
 * Returns the check for a schema. Each schema is compiled once.
 *
 * @throws PulseError `invalid` for a schema that cannot be compiled
 */
export function bodyCheck(schema: BodySchema): BodyCheck {
  if (typeof schema === 'function') return schema as BodyCheck;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new PulseError(
      'invalid',
      `the schema must be a JSON schema or a function, not ${described(schema)}`,
    );
  }
  const known = checks.get(schema);
  if (known) return known;
  const check = compile(schema);
  checks.set(schema, check);
  return check;
}

/**
 * Returns the problems of a body as text. The check may be a user's own function.
 *
 * @throws TypeError if the check returns something else than an array, and whatever the check throws
 */
export function problemsOf(check: BodyCheck, body: unknown): readonly string[] {
  const found: unknown = check(body);
  if (!Array.isArray(found)) throw new TypeError('its schema, a function, must return an array of problems');
  return found.length === 0 ? NONE : Array.from<unknown, string>(found, problemText);
}

function compile(schema: object): BodyCheck {
  const { $schema } = schema as { $schema?: unknown };
  try {
    const draft = typeof $schema === 'string' ? $schema : '';
    // Without a name, ajv does not resolve references of the schema to itself ("#").
    const named = { $id: `tcw:${++names}`, ...schema };
    const first = compiler(draft, false).compile(named);
    return boundedCheck(first, () => compiler(draft, true).compile(named), problem);
  } catch (error) {
    throw new PulseError('invalid', `the JSON schema cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

let names = 0;
const compilers = new Map<string, Ajv>();

/** Returns the compiler for a schema. ajv takes tens of milliseconds to load, so it is loaded with the first schema. */
function compiler($schema: string, allErrors: boolean): Ajv {
  const draft = /draft\/(2019-09|2020-12)\//.exec($schema)?.[1] as Draft | undefined;
  const key = `${draft ?? ''} ${allErrors}`;
  const known = compilers.get(key);
  if (known) return known;
  const require = createRequire(import.meta.url);
  // Schemas may contain custom keywords, and two schemas may have the same $id.
  const ajv = newAjv({ allErrors, strict: false, addUsedSchema: false }, draft);
  if (draft === undefined) ajv.addMetaSchema(require('ajv/dist/refs/json-schema-draft-06.json') as object);
  compilers.set(key, ajv);
  return ajv;
}

function problem({ instancePath, message, keyword, params }: ErrorObject): string {
  if (keyword === 'required') return `${instancePath}/${String(params.missingProperty)} is missing`;
  if (keyword === 'additionalProperties') {
    return `${instancePath}/${String(params.additionalProperty)} is not a known property`;
  }
  return `${instancePath || '/'} ${message ?? keyword}`;
}
