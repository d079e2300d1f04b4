import { payloadProblems, payloadSchema } from './payload-schema.ts';
import { TaskError } from './outcome.ts';
import type { TaskLog } from './task-log/task-log.ts';

/** What a task asks for: generic-worker's payload, as far as this worker's engine and features know it. */
export interface Payload {
  /** One after the other, each a program and its arguments; the first that fails is the last. */
  readonly command: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds for all commands together. */
  readonly maxRunTime: number;
  readonly artifacts?: readonly ArtifactRequest[];
  readonly logs?: { readonly backing: string; readonly live: string };
  readonly onExitStatus?: { readonly retry?: readonly number[]; readonly purgeCaches?: readonly number[] };
  readonly features?: Readonly<Record<string, boolean>>;
  readonly mounts?: readonly unknown[];
}

/** A file, or all files of a directory, to be uploaded when the commands have ended. */
export interface ArtifactRequest {
  readonly type: 'file' | 'directory';
  /** Relative to the run's folder. */
  readonly path: string;
  /** The artifact's name; the path by default. */
  readonly name?: string;
  readonly expires?: string;
  readonly contentType?: string;
  readonly contentEncoding?: 'identity' | 'gzip';
  /** Whether the task may do without it. */
  readonly optional: boolean;
}

/**
 * Checks a payload where it enters, and fills its defaults in.
 *
 * @throws TaskError `malformed-payload`; the schema and every problem, named by its path, are in the log by then
 */
export function readPayload(payload: unknown, taskId: string, log: TaskLog): Payload {
  const value = structuredClone(payload);
  const problems = payloadProblems(value);
  if (problems.length === 0) return value as Payload;
  log.error('Task payload for this worker type must conform to the following jsonschema:');
  log.error(JSON.stringify(payloadSchema(), undefined, 2));
  log.error('TASK FAIL since the task payload is invalid. See errors:');
  for (const problem of problems) log.error(`- ${problem}`);
  throw new TaskError('malformed-payload', `validation of payload failed for task ${taskId}`);
}
