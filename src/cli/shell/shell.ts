import { Secret } from '../../base/index.ts';
import type { Credentials } from '../../taskcluster/index.ts';
import { SHELL_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { connectShell } from './connect-shell.ts';
import { findShell } from './find-shell.ts';
import { inTerminal } from './in-terminal.ts';

export interface ShellWords {
  readonly rootUrl?: string;
  readonly wait: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A slugid, as the queue takes it. */
const TASK_ID = /^[\w-]{8}[Q-T][\w-][CGKOSWaeimquy26-][\w-]{10}[AQgw]$/;

/**
 * `tcw shell`: connects this process to the shell of a task, or runs a command line there.
 *
 * @returns the exit code of the shell
 * @throws Failure
 */
export async function shell(
  taskId: string,
  command: readonly string[],
  words: ShellWords,
  environment: Environment,
): Promise<number> {
  const usage = (message: string) => new Failure(SHELL_EXIT_CODES.usage.code, message);
  if (!TASK_ID.test(taskId)) throw usage(`${JSON.stringify(taskId)} is not a task id`);
  const waitSecs = Number(words.wait);
  if (!(waitSecs >= 0)) throw usage(`--wait ${JSON.stringify(words.wait)} is not a number of seconds`);
  const rootUrl = words.rootUrl ?? environment.TASKCLUSTER_ROOT_URL;
  if (rootUrl === undefined || !URL.canParse(rootUrl))
    throw usage('no deployment: set TASKCLUSTER_ROOT_URL, or give --root-url');
  const credentials = credentialsOf(environment);
  const url = await findShell({ rootUrl, taskId, credentials, waitMs: waitSecs * 1_000 });
  const line = command.length === 0 ? undefined : command.join(' ');
  const { stdin, stdout } = process;
  const size = { rows: stdout.rows || 24, columns: stdout.columns || 80 };
  // Undefined where it is no terminal, whatever the types say.
  const cooked = Boolean(stdin.isTTY);
  const request = { ...size, cooked, ...(line !== undefined && { command: line }) };
  const connected = await connectShell(url, request);
  return inTerminal(connected, { stdin, stdout });
}

function credentialsOf(environment: Environment): Credentials | undefined {
  const {
    TASKCLUSTER_CLIENT_ID: clientId,
    TASKCLUSTER_ACCESS_TOKEN: accessToken,
    TASKCLUSTER_CERTIFICATE: certificate,
  } = environment;
  if (!clientId || !accessToken) return undefined;
  return {
    clientId,
    accessToken: new Secret(accessToken),
    ...(certificate && { certificate: new Secret(certificate) }),
  };
}
