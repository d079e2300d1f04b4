import type { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';

/**
 * Standard output or standard error of a worker. Writing may fail for a while (a full disk, a closed terminal), or
 * nobody may read it. Neither stops the worker: chunks that cannot be written are dropped and counted.
 */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether it is a terminal that shows colours, and the user has not set NO_COLOR. */
  readonly hasColours: boolean;
  /** Writes a chunk. If earlier chunks were dropped, a note about that is written first. */
  write(chunk: string | Uint8Array): void;
  /** Resolves when every write has succeeded or failed, or when nobody has read for a while. */
  flush(): Promise<void>;
}

export interface OutputOptions {
  /** The most bytes that may wait for a reader. */
  readonly maxWaiting: number;
  /** Makes the note about dropped writes. */
  readonly gap: (lost: number) => string;
}

/** How long the process waits for a reader when it ends, in ms. */
const FLUSH_MS = 2_000;

export function output(stream: Writable, { maxWaiting, gap }: OutputOptions): Output {
  let lost = 0;
  // A failed write may have been written in part.
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
      if (stream.writableLength > maxWaiting) {
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
 * Makes writes to a stream asynchronous. By default, Node's writes to a terminal or a pipe block, so a stopped terminal
 * (Ctrl-S) or a program that does not read would stop the worker.
 */
export function writeInBackground(stream: Writable): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => void } };
  handle?.setBlocking?.(false);
}

/** `getColorDepth` respects NO_COLOR and similar variables. */
function hasColours(stream: Writable): boolean {
  const terminal = stream as Partial<WriteStream>;
  return terminal.isTTY === true && terminal.getColorDepth !== undefined && terminal.getColorDepth() > 2;
}
