import { ApiError } from './errors.ts';

/**
 * A time that a caller gave, in milliseconds since the epoch.
 *
 * @throws ApiError `InputError` for what is a time to a schema, and none to JavaScript: a leap second
 */
export function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new ApiError('InputError', `\`${text}\` is no time that can be reckoned with`);
  return ms;
}

/** A time as the queue mostly spells it: `2026-11-20T22:38:35.720Z`. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * A time as it leaves PostgreSQL: `2026-11-20T22:38:35.72+00:00`, trailing zeros cut. The real queue spells the
 * `takenUntil` of a claim and of `task-running` so, and no other time.
 */
export function postgresTime(ms: number): string {
  return `${isoTime(ms).replace(/\.?0*Z$/, '')}+00:00`;
}
