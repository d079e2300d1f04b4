import { runCrashHooks } from './run/crash.ts';
import { EXIT_CODES } from './words/exit-codes.ts';
import { Failure } from './words/failure.ts';
import { withoutSecrets } from './output/final-messages.ts';
import { printableLines } from './output/printable.ts';
import { runProgram } from './program.ts';

/**
 * `tcw`, from its command line to its exit code.
 *
 * @param argv the words after `tcw`
 */
export async function main(argv: readonly string[]): Promise<number> {
  guardProcess();
  try {
    return await runProgram(argv);
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`tcw: ${printableLines(withoutSecrets(error.message))}\n`);
      return error.exitCode;
    }
    return reportUnexpected(error);
  }
}

function guardProcess(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(ignoreError)) stream.on('error', ignoreError);
  }
  if (!process.listeners('uncaughtException').includes(exitOnUnexpected)) {
    process.on('uncaughtException', exitOnUnexpected);
  }
}

/**
 * Output may fail: `tcw … | head` closes the pipe early, a disk fills up, a terminal disappears. A worker continues.
 * Commands whose result is their output check each write.
 */
function ignoreError(): void {
  // Nothing.
}

/** Handles an uncaught error. The state of the process is unknown from here on. */
function exitOnUnexpected(error: unknown): void {
  const exitCode = reportUnexpected(error);
  runCrashHooks(error, () => process.exit(exitCode));
}

function reportUnexpected(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tcw: unexpected error: ${printableLines(withoutSecrets(stack))}\n`);
  return EXIT_CODES.internalError.code;
}
