import { readFile } from 'node:fs/promises';
import { encryptVariables } from '../../worker/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { readTime } from './time.ts';
import { readVariables, type Sources } from './variable-arguments.ts';

/** Options of `tcw encrypt-env`. */
export interface EncryptEnvOptions {
  readonly publicKey: string;
  readonly taskId: string;
  readonly start?: string;
  readonly end: string;
}

/** A task ID, which is a slugid. */
const TASK_ID = /^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$/;
/** The most that the clock of a worker may be behind this machine's clock, in ms. */
const CLOCK_SKEW_MS = 300_000;

/**
 * Encrypts variables for one task.
 *
 * @returns a JSON array for the payload's `encryptedEnv`
 * @throws Failure whose message contains no value
 */
export async function encryptEnv(
  variableArguments: readonly string[],
  options: EncryptEnvOptions,
  sources: Sources,
  nowMs = Date.now(),
): Promise<string> {
  const { taskId, start, end } = options;
  if (!TASK_ID.test(taskId)) throw usage(`--task-id ${JSON.stringify(taskId)} is not a task ID`);
  const startTime = start === undefined ? nowMs - CLOCK_SKEW_MS : readTime('--start', start, nowMs);
  const endTime = readTime('--end', end, nowMs);
  if (endTime <= startTime) throw usage('--end must be later than --start');
  if (endTime <= nowMs) throw usage('--end must be in the future');
  const publicKey = await readFile(options.publicKey, 'utf8').catch((error: unknown) => {
    throw usage(`--public-key "${options.publicKey}" cannot be read: ${(error as Error).message}`);
  });
  const variables = await readVariables(variableArguments, sources);
  const items = await encryptVariables(
    publicKey,
    variables.map(variable => ({ ...variable, taskId, startTime, endTime })),
  ).catch((error: unknown) => {
    throw usage((error as Error).message);
  });
  return `${JSON.stringify(items, undefined, 2)}\n`;
}

function usage(message: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, message);
}
