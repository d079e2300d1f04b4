import type { WriteStream } from 'node:tty';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { printableLines } from '../output/printable.ts';

/** The output streams of a `tcw task` command: stdout for data, stderr for everything else. */
export interface Streams {
  readonly stdout: WriteStream;
  readonly stderr: WriteStream;
}

/** Writes messages for the user to standard error. */
export function messagePrinter(stderr: WriteStream): (line: string) => void {
  return line => {
    stderr.write(`tcw: ${printableLines(line)}\n`);
  };
}

/**
 * Writes data, and waits until more can be written.
 *
 * @returns false when the reader is gone, as in `tcw task log … | head`
 * @throws Failure when the data cannot be written
 */
export async function writeData(stdout: WriteStream, data: string | Uint8Array): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  stdout.write(data, (error?: NodeJS.ErrnoException | null) => {
    if (!error) resolve(true);
    else if (error.code === 'EPIPE') resolve(false);
    else
      reject(
        new Failure(EXIT_CODES.internalError.code, `standard output cannot be written: ${error.message}`),
      );
  });
  return promise;
}

export function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
