import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * Prints what a command is asked for.
 *
 * @param what it is, for the message of a failure
 * @throws Failure when it cannot be written. Whoever closes a pipe has seen enough.
 */
export async function printResult(what: string, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  process.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
    if (!error || error.code === 'EPIPE') resolve(undefined);
    else reject(new Failure(EXIT_CODES.internalError.code, `could not write ${what}: ${error.message}`));
  });
  return promise;
}
