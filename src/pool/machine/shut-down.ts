/** The command with which generic-worker shuts a machine down. */
const USUAL_COMMAND = ['/sbin/shutdown', '-h', 'now'];
/** Time limit for the command, in ms. The command only asks the system, so a longer wait would not help. */
const COMMAND_MS = 30_000;

/**
 * Asks the operating system to shut the machine down.
 *
 * @param command a program and its arguments; the default is `/sbin/shutdown -h now`
 * @returns the problem, if there was one
 */
export async function shutDownMachine(
  command: readonly string[] = USUAL_COMMAND,
): Promise<string | undefined> {
  // Loading execa and its 120 modules at the start would take a tenth of the worker's start time.
  const { execa } = await import('execa');
  const [program = '', ...args] = command;
  const { failed, shortMessage, stderr } = await execa(program, args, {
    reject: false,
    timeout: COMMAND_MS,
    stdin: 'ignore',
    // Standard output may be worker-runner's.
    stdout: 'ignore',
    maxBuffer: 10_000,
  });
  return failed ? [shortMessage, stderr].filter(Boolean).join(': ') : undefined;
}
