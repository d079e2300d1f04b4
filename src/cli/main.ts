import { EXIT_CODES } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { runProgram } from './program.ts';

/**
 * `tcw`, from its words to its exit code.
 *
 * @param argv the words after `tcw`
 */
export async function main(argv: readonly string[]): Promise<number> {
  guardProcess();
  try {
    return await runProgram(argv);
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`tcw: ${error.message}\n`);
      return error.exitCode;
    }
    return reportUnexpected(error);
  }
}

function guardProcess(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(ignoreClosedPipe)) stream.on('error', ignoreClosedPipe);
  }
  if (!process.listeners('uncaughtException').includes(exitOnUnexpected)) {
    process.on('uncaughtException', exitOnUnexpected);
  }
}

/** `tcw … | head` closes our output when it has seen enough: no error of ours. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Thrown where nobody could catch it: the state of the process is unknown from here on. */
function exitOnUnexpected(error: unknown): void {
  process.exit(reportUnexpected(error));
}

function reportUnexpected(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tcw: unexpected error: ${stack}\n`);
  return EXIT_CODES.internalError.code;
}
