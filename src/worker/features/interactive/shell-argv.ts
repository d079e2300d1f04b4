import type { ShellRequest } from '../../../taskcluster/index.ts';

/** Runs bash if there is one, and otherwise sh, like generic-worker. */
const SHELL = 'command -v bash >/dev/null 2>&1 && exec bash; exec sh';
const COMMAND = 'command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"';
/** The first output if the client is a program. From then on, input is not echoed. */
export const READY = '\0';
/** Settings for a client that is a program: input is not echoed, and line endings are not translated. */
const RAW = "stty -echo -opost 2>/dev/null; printf '\\0'; ";

/** Returns the command to run in a terminal for a shell request. */
export function shellArgv({ command, cooked = true }: Pick<ShellRequest, 'command' | 'cooked'>): string[] {
  if (command === undefined) return ['sh', '-c', SHELL];
  return ['sh', '-c', `${cooked ? '' : RAW}${COMMAND}`, 'sh', command];
}
