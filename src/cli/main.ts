import { tellOfCrash } from './run/crash.ts';
import { EXIT_CODES } from './words/exit-codes.ts';
import { Failure } from './words/failure.ts';
import { hidden, hiddenEverywhere } from './output/last-words.ts';
import { printableLines } from './output/printable.ts';
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
      process.stderr.write(`tcw: ${printableLines(hidden(error.message))}\n`);
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
 * `tcw … | head` closes our output when it has seen enough, a disk is full, a terminal goes away: a worker goes on. Commands
 * whose purpose is what they print look at the result of each write.
 */
function ignoreError(): void {
  // Nothing.
}

/** Thrown where nobody could catch it: the state of the process is unknown from here on. */
function exitOnUnexpected(error: unknown): void {
  const exitCode = reportUnexpected(error);
  tellOfCrash(error, () => process.exit(exitCode));
}

function reportUnexpected(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`tcw: unexpected error: ${printableLines(hiddenEverywhere(stack))}\n`);
  return EXIT_CODES.internalError.code;
}
