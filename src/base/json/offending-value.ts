import type { ErrorObject } from 'ajv';
import { pointerSteps } from './json-pointer.ts';
import { withoutUrlSecrets } from '../secrets/url-secrets.ts';

/** The longest text that is shown, in characters. */
const LONGEST = 60;

/**
 * Describes the value that a problem is about, for the end of the problem's line: `; it is "60"`. Returns an empty string
 * if the value says nothing more than the problem, as for an array that is too short.
 */
export function offendingValue(root: unknown, { instancePath, keyword }: ErrorObject): string {
  const value = at(root, instancePath);
  if (typeof value === 'object' && value !== null) {
    if (keyword !== 'type' && keyword !== 'enum') return '';
    return Array.isArray(value) ? '; it is an array' : '; it is an object';
  }
  if (typeof value !== 'string') return `; it is ${String(value)}`;
  const text = withoutUrlSecrets(value);
  return `; it is ${JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)}`;
}

function at(root: unknown, pointer: string): unknown {
  return pointerSteps(pointer).reduce<unknown>(
    (value, step) => (value as Readonly<Record<string, unknown>>)[step],
    root,
  );
}
