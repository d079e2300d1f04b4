import { ApiError } from './errors.ts';

/**
 * Parses a caller's time, to milliseconds since the epoch.
 *
 * @throws ApiError `InputError` for a time that is valid in a schema but not in JavaScript: a leap second
 */
export function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new ApiError('InputError', `\`${text}\` is no time that can be reckoned with`);
  return ms;
}

/** Formats a time as the queue usually does: `2026-11-20T22:38:35.720Z`. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * Formats a time as PostgreSQL does: `2026-11-20T22:38:35.72+00:00`, without trailing zeros. The real queue
 * uses this form only for the `takenUntil` of a claim and of `task-running`.
 */
export function postgresTime(ms: number): string {
  return `${isoTime(ms).replace(/\.?0*Z$/, '')}+00:00`;
}
