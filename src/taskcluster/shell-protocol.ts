/**
 * The protocol of interactive shells, version 2: that of Taskcluster's web UI and generic-worker. It has a websocket without a
 * subprotocol. Binary messages of a client begin with one of {@link SHELL_INPUT} and {@link SHELL_RESIZE}; binary messages of the
 * worker are what the terminal shows. tcw adds to it a subprotocol, in which both also send text messages.
 */

/** Begins a message with input for the terminal, as bytes. */
export const SHELL_INPUT = 1;
/** Begins a message with the size of the terminal: rows and columns, unsigned 16 bit numbers, little-endian. */
export const SHELL_RESIZE = 2;

/**
 * The subprotocol in which the client's first message is a {@link ShellRequest} and the worker's last one a {@link ShellResult},
 * both JSON in a text message.
 */
export const SHELL_SUBPROTOCOL = 'tcw-shell-1';

/** What a client wants to run. */
export interface ShellRequest {
  readonly rows: number;
  readonly columns: number;
  /** A command line for the shell; without it, the shell is interactive. */
  readonly command?: string;
  /** Whether input is echoed and line ends are translated, as a person at a terminal needs it. */
  readonly cooked?: boolean;
}

export interface ShellResult {
  /** As a shell has it; undefined when there was no shell. */
  readonly exitCode?: number;
  readonly error?: string;
}

export function shellInput(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([SHELL_INPUT]), data]);
}

export function shellResize({ rows, columns }: { readonly rows: number; readonly columns: number }): Buffer {
  const message = Buffer.alloc(5);
  message.writeUInt8(SHELL_RESIZE, 0);
  message.writeUInt16LE(rows, 1);
  message.writeUInt16LE(columns, 3);
  return message;
}
