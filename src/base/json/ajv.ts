import { createRequire } from 'node:module';
import type { Ajv, Options } from 'ajv';
import { uniqueItems } from './unique-items.ts';

/** A draft of JSON schema whose rules differ from those of draft-06 and draft-07. */
export type Draft = '2019-09' | '2020-12';

/**
 * Makes an ajv that supports the formats (`date-time`, `uri`) and compares the items of large lists in linear time.
 *
 * The first call loads ajv, which takes tens of milliseconds. Programs that check nothing do not pay for it.
 *
 * @param draft draft-07 when undefined
 */
export function newAjv(options: Options, draft?: Draft): Ajv {
  const require = createRequire(import.meta.url);
  const { Ajv } = require('ajv') as typeof import('ajv');
  const { default: addFormats } = require('ajv-formats') as typeof import('ajv-formats');
  const Drafted =
    draft === '2019-09'
      ? (require('ajv/dist/2019') as { default: typeof Ajv }).default
      : draft === '2020-12'
        ? (require('ajv/dist/2020') as { default: typeof Ajv }).default
        : Ajv;
  const ajv = new Drafted(options);
  addFormats(ajv);
  return ajv.removeKeyword('uniqueItems').addKeyword(uniqueItems);
}
