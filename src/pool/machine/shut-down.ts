/** As generic-worker shuts a machine down. */
const USUAL_COMMAND = ['/sbin/shutdown', '-h', 'now'];
/** The command only asks the system; whoever waits for longer will not see its end. */
const COMMAND_MS = 30_000;

/**
 * Asks the operating system to shut the machine down.
 *
 * @param command a program and its arguments, in place of `/sbin/shutdown -h now`
 * @returns what went wrong, if anything
 */
export async function shutDownMachine(
  command: readonly string[] = USUAL_COMMAND,
): Promise<string | undefined> {
  // Loading execa and its 120 modules would make up a tenth of the time that a worker takes to start.
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
