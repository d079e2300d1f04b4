import { nameProblem } from './artifacts/name.ts';
import type { LogNames } from './task-spec.ts';

export const DEFAULT_LOGS = { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' };
/** The content type of task logs. */
export const LOG_TYPE = 'text/plain; charset=utf-8';
/** For a log whose requested name cannot be used. The request may have been meant to keep the log private. */
const NOT_PUBLIC = 'private/logs/live_backing.log';

/**
 * Reads the names of a log from an unvalidated payload. A run that is refused or stopped early has a log as
 * well, and its payload may be malformed. Whatever can be understood of such a payload is respected. A log does
 * not become public unless that was clearly intended.
 */
export function logNames(payload: unknown): LogNames {
  const { logs, features } = membersOf(payload);
  const { backing, live } = membersOf(logs);
  const { backingLog, liveLog } = membersOf(features);
  if (backingLog === false) return { backing: undefined, live: undefined };
  const understood = [logs, features].every(isAbsentOrObject) && isAbsentOrTrue(backingLog);
  const own = understood ? ownName(backing) : NOT_PUBLIC;
  const link = isAbsentOrTrue(liveLog) ? (live ?? DEFAULT_LOGS.live) : undefined;
  return { backing: own, live: isName(link) && link !== own ? link : undefined };
}

/**
 * Reads the same names from a docker-worker payload. It names only the link; the log's own name is derived from
 * it.
 */
export function dockerLogNames(payload: unknown): LogNames {
  const { log, features } = membersOf(payload);
  const { artifacts, bulkLog, localLiveLog } = membersOf(features);
  if (artifacts === false || bulkLog === false) return { backing: undefined, live: undefined };
  const understood = isAbsentOrObject(features) && [artifacts, bulkLog].every(isAbsentOrTrue);
  const own = understood ? ownName(typeof log === 'string' ? backingName(log) : log) : NOT_PUBLIC;
  const link = isAbsentOrTrue(localLiveLog) ? (log ?? DEFAULT_LOGS.live) : undefined;
  return { backing: own, live: isName(link) ? link : undefined };
}

/** Derives the name of the log itself from the name of the link in a docker-worker payload. */
export function backingName(live: string): string {
  return live.replace(/(?=\.[^./]*$)|(?<!\.[^./]*)$/, '_backing');
}

function ownName(backing: unknown): string {
  if (backing === undefined) return DEFAULT_LOGS.backing;
  if (isName(backing)) return backing;
  return typeof backing === 'string' && backing.startsWith('public/') ? DEFAULT_LOGS.backing : NOT_PUBLIC;
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && nameProblem(name) === undefined;
}

function isAbsentOrTrue(value: unknown): boolean {
  return value === undefined || value === true;
}

function isAbsentOrObject(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isAbsentOrObject(value) ? ((value ?? {}) as Record<string, unknown>) : {};
}
