import type { WriteStream } from 'node:tty';
import { printableLines } from '../output/printable.ts';

/** A stream of a process: a terminal, a pipe or a file. */
export type Output = NodeJS.WriteStream | (NodeJS.WritableStream & Partial<WriteStream>);

/** What a person sees of a command: results on standard output, the rest and a live line on standard error. */
export interface Screen {
  /** Whether standard output is a terminal with colours. */
  readonly colours: boolean;
  /** Writes a result. Resolves when it has left, to false when nobody reads any more. */
  print(text: string): Promise<boolean>;
  /** Says something beside the results, on a line of its own. */
  say(text: string): void;
  /** Takes the live line away, for good. */
  close(): void;
}

const REDRAW_MS = 500;
const CLEAR_LINE = '\r\x1b[K';

/**
 * @param live what the last line of a terminal shows, asked twice a second; in a pipe there is none
 */
export function screen(stdout: Output, stderr: Output, live?: () => string): Screen {
  let drawn = false;
  const terminal = stderr.isTTY === true && live !== undefined;
  const clear = () => {
    if (drawn) stderr.write(CLEAR_LINE);
    drawn = false;
  };
  const draw = () => {
    if (!terminal) return;
    // Some terminals say 0 columns, and mean that they do not know.
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
        // The live line would stand between two results, where both are on one terminal.
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
