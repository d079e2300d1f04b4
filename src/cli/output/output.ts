import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';

/**
 * What a worker writes to: standard output or error. It may fail for a while (a full disk, a terminal that has gone), or
 * nobody may read it. Neither stops the worker: what cannot be written is left out, and counted.
 */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether it is a terminal that shows colours, and the user has not set NO_COLOR. */
  readonly hasColours: boolean;
  /** Writes something, after a word about what was left out before it. */
  write(chunk: string | Uint8Array): void;
  /** Resolves when everything has left or has failed, or when nobody has read it for a while. */
  flush(): Promise<void>;
}

export interface OutputOptions {
  /** How many bytes may wait for a reader. */
  readonly mostWaiting: number;
  /** A line about how many writes were left out. */
  readonly gap: (lost: number) => string;
}

/** How long the end of the process waits for a reader, in ms. */
const FLUSH_MS = 2_000;

export function output(stream: Writable, { mostWaiting, gap }: OutputOptions): Output {
  let lost = 0;
  // What failed may have been written in part.
  let isBroken = false;
  writeInBackground(stream);
  const write = (chunk: string | Uint8Array, failed: () => void) => {
    try {
      stream.write(chunk, error => {
        if (error) failed();
      });
    } catch {
      failed();
    }
  };
  return {
    isTerminal: (stream as Partial<WriteStream>).isTTY === true,
    hasColours: hasColours(stream),
    write: chunk => {
      if (stream.writableLength > mostWaiting) {
        lost++;
        return;
      }
      if (lost > 0) {
        const count = lost;
        lost = 0;
        write(`${isBroken ? '\n' : ''}${gap(count)}`, () => (lost += count));
        isBroken = false;
      }
      write(chunk, () => {
        lost++;
        isBroken = true;
      });
    },
    flush: async () => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(resolve, FLUSH_MS, undefined);
      try {
        stream.write('', () => {
          resolve(undefined);
        });
      } catch {
        resolve(undefined);
      }
      await promise;
      clearTimeout(timer);
    },
  };
}

/**
 * Node writes to a terminal and to a pipe in the foreground: a terminal that is stopped (Ctrl-S) would stop the worker, and a
 * program that does not read.
 */
export function writeInBackground(stream: Writable): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => void } };
  handle?.setBlocking?.(false);
}

/** Node reads NO_COLOR and its like. */
function hasColours(stream: Writable): boolean {
  const terminal = stream as Partial<WriteStream>;
  return terminal.isTTY === true && terminal.getColorDepth !== undefined && terminal.getColorDepth() > 2;
}
