import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';

import { newAjv } from './ajv.ts';
import { bestBranches } from './best-branches.ts';
import { boundedCheck } from './bounded-check.ts';
import { pointerStep } from './json-pointer.ts';
import { offendingValue } from './offending-value.ts';

/** `schemas/` is next to both `src/` and `dist/`, so one relative path is right for both. */
const SCHEMAS = new URL('../../../schemas/', import.meta.url);

/**
 * Checks one value and returns its problems, each starting with its JSON pointer. The list is empty for a valid value.
 * It has at most twenty problems, each on one short line, and only the first problem if the value contains more than
 * 10,000 values.
 */
export type Validator = (value: unknown) => string[];

export interface ValidatorOptions {
  /** Writes the schema's defaults for missing properties into the checked value. Off by default. */
  readonly fillDefaults?: boolean;
  /** Accepts properties that the schema does not define, except inside `anyOf` and `oneOf`. Off by default. */
  readonly acceptUnknown?: boolean;
  /** For alternatives (`anyOf`), returns only the problems of the best-fitting one. Off by default. */
  readonly bestBranches?: boolean;
  /** Decides by its JSON pointer whether a problem may show the wrong value. By default, no problem does. */
  readonly showsValue?: (pointer: string) => boolean;
}

/**
 * Makes a check of JSON from outside.
 *
 * Nothing is read or compiled before the first check, and each schema is compiled once.
 *
 * @param schema a self-contained JSON schema of draft-07, or the path of one below `schemas/`, which may refer to
 *   others by relative path: `taskcluster/queue/v1/claim-work-request.json`, or `…#/definitions/…` for a part of it
 */
export function validator(
  schema: string | object,
  {
    fillDefaults = false,
    acceptUnknown = false,
    bestBranches: onlyBest = false,
    showsValue = () => false,
  }: ValidatorOptions = {},
): Validator {
  let check: Validator | undefined;
  const compiled = (allErrors: boolean) => compile(schema, { fillDefaults, acceptUnknown, allErrors });
  return value => {
    check ??= boundedCheck(
      compiled(false),
      () => compiled(true),
      (error, root) => problem(error, showsValue(error.instancePath) ? offendingValue(root, error) : ''),
      onlyBest ? bestBranches : undefined,
    );
    return check(value);
  };
}

interface Compiling extends Required<Omit<ValidatorOptions, 'bestBranches' | 'showsValue'>> {
  /** Whether to continue after the first problem. */
  readonly allErrors: boolean;
}

function compile(schema: string | object, compiling: Compiling): ValidateFunction {
  const ajv = compiler(compiling);
  if (typeof schema === 'object') return compiledOnce(ajv, schema);
  const key = `/${schema}`;
  addSchema(ajv, document(key));
  const compiled = ajv.getSchema(key);
  if (!compiled) throw new Error(`${key} is no schema`);
  return compiled;
}

const objectChecks = new WeakMap<Ajv, Map<string, ValidateFunction>>();

/**
 * Compiles equal schemas only once. ajv recognises a schema by its object identity, but several workers of one process
 * make equal schemas as separate objects.
 */
function compiledOnce(ajv: Ajv, schema: object): ValidateFunction {
  const known = objectChecks.get(ajv) ?? new Map<string, ValidateFunction>();
  objectChecks.set(ajv, known);
  const text = JSON.stringify(schema);
  const check = known.get(text) ?? ajv.compile(schema);
  known.set(text, check);
  return check;
}

const compilers = new Map<string, Ajv>();

function compiler({ fillDefaults, acceptUnknown, allErrors }: Compiling): Ajv {
  const key = `${fillDefaults} ${acceptUnknown} ${allErrors}`;
  const known = compilers.get(key);
  if (known) return known;
  // Some of Taskcluster's schemas are not strictly typed: a format may be in a different subschema from its `type`.
  // They are published and therefore valid, and checking each against draft-07 would double the time.
  const ajv = newAjv({
    allErrors,
    strictTypes: false,
    useDefaults: fillDefaults,
    meta: false,
    validateSchema: false,
  });
  if (acceptUnknown) {
    const require = createRequire(import.meta.url);
    const { default: keyword } =
      require('ajv/dist/vocabularies/applicator/additionalProperties') as typeof import('ajv/dist/vocabularies/applicator/additionalProperties.js');
    ajv.removeKeyword(keyword.keyword as string).addKeyword({
      ...keyword,
      code: context => {
        if (context.schema !== false || context.it.compositeRule) keyword.code(context);
      },
    });
  }
  compilers.set(key, ajv);
  return ajv;
}

/** Adds a document and all documents it refers to, so that ajv needs no network. */
function addSchema(ajv: Ajv, id: string): void {
  if (ajv.schemas[id]) return;
  const references: string[] = [];
  const schema = JSON.parse(readFileSync(new URL(`.${id}`, SCHEMAS), 'utf8'), (key, value: unknown) => {
    if (key === '$ref' && typeof value === 'string') references.push(value);
    return value;
  }) as object;
  ajv.addSchema(schema, id);
  for (const reference of references) addSchema(ajv, document(reference, id));
}

/** The path of the document that a reference points into. */
function document(reference: string, from = '/'): string {
  return new URL(reference, `file://${from}`).pathname;
}

/**
 * Formats a problem. For a missing or surplus property, ajv reports the object around it, but a reader wants the
 * property itself.
 *
 * @param shown the wrong value, for the end of the line
 */
function problem({ instancePath, keyword, message, params }: ErrorObject, shown: string): string {
  switch (keyword) {
    case 'required':
      return `${instancePath}/${pointerStep(params.missingProperty)} is missing`;
    case 'additionalProperties':
      return `${instancePath}/${pointerStep(params.additionalProperty)} is not a known property`;
    case 'enum':
      return `${instancePath || '/'} must be one of ${(params.allowedValues as unknown[]).map(value => JSON.stringify(value)).join(', ')}${shown}`;
    default:
      return `${instancePath || '/'} ${message ?? keyword}${shown}`;
  }
}
