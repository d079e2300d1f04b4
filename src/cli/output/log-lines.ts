import { printable } from './printable.ts';
import { terminalFilter } from './terminal-filter.ts';

/** The longest line, in bytes. Longer lines are shown in pieces. */
const LONGEST_LINE = 64 * 1024;

/** Resets colours and all other text attributes that a task has left switched on. */
export const PLAIN = '\u001b[0m';

/** Makes a function that shows one log: unchanged in a file or a pipe, only text and colours on a terminal. */
export function wholeLog(isTerminal: boolean): (chunk: Uint8Array) => Uint8Array | string {
  return isTerminal ? terminalFilter() : chunk => chunk;
}

/** Shows one log among others: each line begins with a name. */
export interface NamedLog {
  /** The lines that are complete after a chunk. An unfinished line is kept for the next chunk. */
  readonly lines: (chunk: Uint8Array) => string;
  /** Whether part of a line is kept for the next chunk. */
  readonly isMidLine: () => boolean;
}

export function namedLog(givenName: string, isTerminal: boolean): NamedLog {
  const name = printable(givenName);
  let unfinished: Buffer = Buffer.alloc(0);
  return {
    isMidLine: () => unfinished.length > 0,
    lines: chunk => {
      const text = Buffer.concat([unfinished, chunk]);
      // Everything before this index is whole lines, so no character is cut. A very long line without an end is shown
      // in pieces.
      const whole = text.length > LONGEST_LINE ? text.length : text.lastIndexOf('\n') + 1;
      unfinished = text.subarray(whole);
      if (whole === 0) return '';
      const lines = text.subarray(0, whole).toString().replace(/\n$/, '').split('\n');
      return lines.map(line => `${name} | ${isTerminal ? onTerminal(line) : line}\n`).join('');
    },
  };
}

/**
 * Shows one line among those of other tasks. Its colours end with it, and it cannot return to its beginning and
 * overwrite itself.
 */
function onTerminal(line: string): string {
  const shown = terminalFilter()(Buffer.from(line)).replace(/\r+$/, '').replaceAll('\r', ' ');
  return shown.includes('\u001b') ? `${shown}${PLAIN}` : shown;
}
