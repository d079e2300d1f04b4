import { payloadProblems, payloadSchema } from '../features/index.ts';
import type { Payload } from '../features/index.ts';
import { TaskError } from '../outcome.ts';
import type { TaskLog } from '../task-log/task-log.ts';

/**
 * Checks a payload where it enters, and fills its defaults in.
 *
 * @throws TaskError `malformed-payload`; the schema and every problem, named by its path, are in the log by then
 */
export function readPayload(payload: unknown, taskId: string, log: TaskLog): Payload {
  const value = copyOf(payload);
  const problems = payloadProblems(value);
  if (problems.length === 0) return value as Payload;
  log.error('Task payload for this worker type must conform to the following jsonschema:');
  log.error(JSON.stringify(payloadSchema(), undefined, 2));
  log.error('TASK FAIL since the task payload is invalid. See errors:');
  for (const problem of problems) log.error(`- ${problem}`);
  throw new TaskError('malformed-payload', `validation of payload failed for task ${taskId}`);
}

function copyOf(payload: unknown): unknown {
  try {
    return structuredClone(payload);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TaskError('malformed-payload', 'the payload is nested too deeply');
  }
}
