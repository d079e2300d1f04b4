import type { ShellRequest } from '../../../taskcluster/index.ts';

/** bash where there is one, as generic-worker has it. */
const SHELL = 'command -v bash >/dev/null 2>&1 && exec bash; exec sh';
const COMMAND = 'command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"';
/** What is shown first where a program is at the other end: from then on, what is typed is not echoed. */
export const READY = '\0';
/** For a program at the other end: nothing is echoed, and line ends stay as they are. */
const RAW = "stty -echo -opost 2>/dev/null; printf '\\0'; ";

/** What is run in a terminal for somebody who asks for a shell. */
export function shellArgv({ command, cooked = true }: Pick<ShellRequest, 'command' | 'cooked'>): string[] {
  if (command === undefined) return ['sh', '-c', SHELL];
  return ['sh', '-c', `${cooked ? '' : RAW}${COMMAND}`, 'sh', command];
}
