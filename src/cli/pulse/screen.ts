import type { WriteStream } from 'node:tty';
import { printableLines } from '../output/printable.ts';

/** A stream of a process: a terminal, a pipe or a file. */
export type Output = NodeJS.WriteStream | (NodeJS.WritableStream & Partial<WriteStream>);

/**
 * The output of a command for a person: results on standard output, everything else and a live line on standard error.
 */
export interface Screen {
  /** Whether standard output is a terminal with colours. */
  readonly colours: boolean;
  /** Writes a result. Resolves when it has been written, to false when the reader is gone. */
  print(text: string): Promise<boolean>;
  /** Writes a message that is not a result, on its own line. */
  say(text: string): void;
  /** Removes the live line permanently. */
  close(): void;
}

const REDRAW_MS = 500;
const CLEAR_LINE = '\r\x1b[K';

/** @param live returns the text of the live line; called twice a second, only if standard error is a terminal */
export function screen(stdout: Output, stderr: Output, live?: () => string): Screen {
  let drawn = false;
  const terminal = stderr.isTTY === true && live !== undefined;
  const clear = () => {
    if (drawn) stderr.write(CLEAR_LINE);
    drawn = false;
  };
  const draw = () => {
    if (!terminal) return;
    // Some terminals report 0 columns when they do not know the width.
    const { columns = 0 } = stderr;
    const width = (columns > 0 ? columns : 80) - 1;
    stderr.write(`${CLEAR_LINE}${live().slice(0, width)}`);
    drawn = true;
  };
  const redrawing = terminal ? setInterval(draw, REDRAW_MS) : undefined;
  return {
    colours: stdout.isTTY === true && stdout.hasColors?.() === true,
    print: text =>
      new Promise(resolve => {
        // The live line would remain between two results if both streams are the same terminal.
        if (stdout.isTTY) clear();
        stdout.write(text, error => {
          resolve(!error);
        });
      }),
    say: text => {
      clear();
      stderr.write(`tcw: ${printableLines(text)}\n`);
    },
    close: () => {
      clearInterval(redrawing);
      clear();
    },
  };
}
