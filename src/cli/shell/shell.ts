import { SHELL_EXIT_CODES } from '../words/exit-codes.ts';
import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { Failure } from '../words/failure.ts';
import { connectShell } from './connect-shell.ts';
import { findShell } from './find-shell.ts';
import { inTerminal } from './in-terminal.ts';

export interface ShellOptions {
  readonly rootUrl?: string;
  readonly wait: string;
}

/**
 * `tcw shell`: connects this process to the shell of a task, or runs a command line there.
 *
 * @returns the exit code of the shell
 * @throws Failure
 */
export async function shell(
  taskId: string,
  command: readonly string[],
  options: ShellOptions,
  environment: Environment,
): Promise<number> {
  const usage = (message: string) => new Failure(SHELL_EXIT_CODES.usage.code, message);
  assertTaskId(taskId, SHELL_EXIT_CODES.usage.code);
  const waitSecs = Number(options.wait);
  if (!(waitSecs >= 0)) throw usage(`--wait ${JSON.stringify(options.wait)} is not a number of seconds`);
  const { rootUrl, credentials } = deploymentOf(options.rootUrl, environment);
  const url = await findShell({ rootUrl, taskId, credentials, waitMs: waitSecs * 1_000 });
  const line = command.length === 0 ? undefined : command.join(' ');
  const { stdin, stdout } = process;
  const size = { rows: stdout.rows || 24, columns: stdout.columns || 80 };
  // `isTTY` is undefined if the input is not a terminal, although its type says otherwise.
  const cooked = Boolean(stdin.isTTY);
  const request = { ...size, cooked, ...(line !== undefined && { command: line }) };
  const connected = await connectShell(url, request);
  return inTerminal(connected, { stdin, stdout });
}
