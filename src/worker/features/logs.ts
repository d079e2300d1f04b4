import { TaskError } from '../outcome.ts';
import { nameProblem, nameWarning } from './artifacts/name.ts';
import type { Feature } from './feature.ts';

const DEFAULTS = { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' };
/** For a log whose payload asks for something that cannot be had: it may have asked for privacy. */
const NOT_PUBLIC = 'private/logs/live_backing.log';

/** `logs`: the names that the task's log is uploaded under. `upload.ts` does it last, when the log is complete. */
export const logs: Feature = {
  name: 'logs',
  schema: 'logs',
  check({ payload, log }) {
    for (const [property, name] of Object.entries({ ...DEFAULTS, ...payload.logs })) {
      const problem = nameProblem(name);
      if (problem)
        throw new TaskError('malformed-payload', `logs.${property} ${JSON.stringify(name)}: ${problem}`);
      const warning = nameWarning(name);
      if (warning) log.warn(`logs.${property} ${JSON.stringify(name)}: ${warning}`);
    }
    const { backing, live } = { ...DEFAULTS, ...payload.logs };
    const { backingLog = true, liveLog = true } = payload.features ?? {};
    if (backingLog && liveLog && backing === live) {
      throw new TaskError(
        'malformed-payload',
        `logs.backing and logs.live are both ${JSON.stringify(backing)}: the log and the link to it need two names`,
      );
    }
  },
};

/** The names of a run's log: its own, and that of the link to it. Undefined for what is not uploaded. */
export interface LogNames {
  readonly backing: string | undefined;
  readonly live: string | undefined;
}

/**
 * Reads the names of a log from a payload as it came. A run that is refused or stopped early has a log too, and its
 * payload may be malformed. What such a payload says about its log counts as far as it can be understood, and what was
 * not plainly meant to be public does not become public.
 */
export function logNames(payload: unknown): LogNames {
  const { logs, features } = membersOf(payload);
  const { backing, live } = membersOf(logs);
  const { backingLog, liveLog } = membersOf(features);
  if (backingLog === false) return { backing: undefined, live: undefined };
  const understood = [logs, features].every(isAbsentOrObject) && isAbsentOrTrue(backingLog);
  const own = understood ? ownName(backing) : NOT_PUBLIC;
  const link = isAbsentOrTrue(liveLog) ? (live ?? DEFAULTS.live) : undefined;
  return { backing: own, live: isName(link) && link !== own ? link : undefined };
}

function ownName(backing: unknown): string {
  if (backing === undefined) return DEFAULTS.backing;
  if (isName(backing)) return backing;
  return typeof backing === 'string' && backing.startsWith('public/') ? DEFAULTS.backing : NOT_PUBLIC;
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
