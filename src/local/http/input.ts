import { readdirSync, readFileSync } from 'node:fs';

import type { Ajv, ErrorObject } from 'ajv';
import { newAjv } from '../../base/index.ts';
import { ApiError } from '../errors.ts';

/** `schemas/` is beside `src/` and beside `dist/`, so one path suits both. */
const SCHEMAS = new URL('../../../schemas/taskcluster/', import.meta.url);

/**
 * Validates the body of a call, and fills in the schema's defaults.
 *
 * @param size in characters, as sent
 */
export type CheckInput = (schema: string, body: unknown, size: number) => void;

/** In a longer body (in characters), only the first problem is reported, because it may have a million. */
const LARGE_BODY = 64 * 1024;
const MAX_PROBLEMS = 20;
const LONGEST_PROBLEM = 300;

/**
 * Creates the validation of bodies. Its messages are worded as in Taskcluster, and name the schema by a URL
 * below `rootUrl`.
 *
 * The returned function throws ApiError `InputValidationError`. Schemas are named as in the API's references:
 * `taskcluster/queue/v1/create-task-request.json`.
 */
export function createCheckInput(rootUrl: () => string): CheckInput {
  return (schema, body, size) => {
    const ajv = withSchemas(size > LARGE_BODY ? 'first' : 'all');
    if (ajv.validate(`/${schema}`, body)) return;
    const problems = ajv.errors ?? [];
    const surplus = problems.length - MAX_PROBLEMS;
    throw new ApiError(
      'InputValidationError',
      [
        '',
        'Schema Validation Failed!',
        `Rejecting Schema: ${rootUrl()}/schemas/${schema.replace('taskcluster/', '')}#`,
        'Errors:',
        ...problems.slice(0, MAX_PROBLEMS).map(describe),
        ...(surplus > 0 ? [`  * and ${surplus} more`] : []),
      ].join('\n'),
    );
  };
}

const compilers = new Map<string, Ajv>();

/** Read and compiled once for all queues of this process. */
function withSchemas(errors: 'all' | 'first'): Ajv {
  const known = compilers.get(errors);
  if (known) return known;
  const schemas = readdirSync(SCHEMAS, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.json'))
    .map(file => JSON.parse(readFileSync(new URL(file.replaceAll('\\', '/'), SCHEMAS), 'utf8')) as object);
  const ajv = newAjv({ allErrors: errors === 'all', useDefaults: true, strict: false }).addSchema(schemas);
  compilers.set(errors, ajv);
  return ajv;
}

function describe({ instancePath, message, params }: ErrorObject): string {
  const surplus = params.additionalProperty as string | undefined;
  const suffix = surplus === undefined ? '' : `: ${JSON.stringify(surplus)}`;
  const text = `  * data${instancePath} ${message ?? ''}${suffix}`;
  return text.length > LONGEST_PROBLEM ? `${text.slice(0, LONGEST_PROBLEM)}…` : text;
}
