import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * Prints the result of a command.
 *
 * @param what name of the result, for the message of a failure
 * @throws Failure when the result cannot be written, except when the reader has closed the pipe
 */
export async function printResult(what: string, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  process.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
    if (!error || error.code === 'EPIPE') resolve(undefined);
    else reject(new Failure(EXIT_CODES.internalError.code, `could not write ${what}: ${error.message}`));
  });
  return promise;
}
