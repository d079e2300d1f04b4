import { printable } from './printable.ts';
import { terminalFilter } from './terminal-filter.ts';

/** A line that goes on for longer, in bytes, is shown in pieces. */
const LONGEST_LINE = 64 * 1024;

/** Ends colours, and whatever else a task has left switched on. */
export const PLAIN = '\u001b[0m';

/** Makes what shows one log: unchanged in a file or a pipe; only text and colours on a terminal. */
export function wholeLog(isTerminal: boolean): (chunk: Uint8Array) => Uint8Array | string {
  return isTerminal ? terminalFilter() : chunk => chunk;
}

/** What shows one log among others: each line begins with a name. */
export interface NamedLog {
  /** The lines that a chunk ends; the end of a line may come with a later chunk. */
  readonly lines: (chunk: Uint8Array) => string;
  /** Whether a part of a line is kept for the next chunk. */
  readonly isMidLine: () => boolean;
}

export function namedLog(givenName: string, isTerminal: boolean): NamedLog {
  const name = printable(givenName);
  let unfinished: Buffer = Buffer.alloc(0);
  return {
    isMidLine: () => unfinished.length > 0,
    lines: chunk => {
      const text = Buffer.concat([unfinished, chunk]);
      // Bytes until here are whole lines, so that no character is cut; a line without an end is shown in pieces.
      const whole = text.length > LONGEST_LINE ? text.length : text.lastIndexOf('\n') + 1;
      unfinished = text.subarray(whole);
      if (whole === 0) return '';
      const lines = text.subarray(0, whole).toString().replace(/\n$/, '').split('\n');
      return lines.map(line => `${name} | ${isTerminal ? onTerminal(line) : line}\n`).join('');
    },
  };
}

/** One line among those of other tasks: it keeps its colours to itself, and does not return to its beginning. */
function onTerminal(line: string): string {
  const shown = terminalFilter()(Buffer.from(line)).replace(/\r+$/, '').replaceAll('\r', ' ');
  return shown.includes('\u001b') ? `${shown}${PLAIN}` : shown;
}
