import { readdirSync, readFileSync } from 'node:fs';

import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

import { ApiError } from '../errors.ts';

/** `schemas/` lies beside `src/` and beside `dist/`, so one path is right for both. */
const SCHEMAS = new URL('../../../schemas/taskcluster/', import.meta.url);

/** Checks the body of a call against its schema, and fills in the schema's defaults. */
export type CheckInput = (schema: string, body: unknown) => void;

/**
 * Makes the check of bodies. It says what is wrong in Taskcluster's words, which name the schema by a URL below
 * `rootUrl`.
 *
 * What it makes throws ApiError `InputValidationError`. Schemas are named as in the API's references:
 * `taskcluster/queue/v1/create-task-request.json`.
 */
export function createCheckInput(rootUrl: () => string): CheckInput {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false });
  addFormats.default(ajv);
  for (const file of readdirSync(SCHEMAS, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.json')) continue;
    ajv.addSchema(JSON.parse(readFileSync(new URL(file.replaceAll('\\', '/'), SCHEMAS), 'utf8')) as object);
  }
  return (schema, body) => {
    if (ajv.validate(`/${schema}`, body)) return;
    const problems = (ajv.errors ?? []).map(({ instancePath, message, params }) => {
      const surplus = params.additionalProperty as string | undefined;
      const suffix = surplus === undefined ? '' : `: ${JSON.stringify(surplus)}`;
      return `  * data${instancePath} ${message ?? ''}${suffix}`;
    });
    throw new ApiError(
      'InputValidationError',
      [
        '',
        'Schema Validation Failed!',
        `Rejecting Schema: ${rootUrl()}/schemas/${schema.replace('taskcluster/', '')}#`,
        'Errors:',
        ...problems,
      ].join('\n'),
    );
  };
}
