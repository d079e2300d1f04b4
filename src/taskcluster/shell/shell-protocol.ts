/**
 * Version 2 of the protocol for interactive shells, as used by Taskcluster's web UI and generic-worker. It uses a
 * WebSocket without a subprotocol. Binary messages from the client begin with {@link SHELL_INPUT} or
 * {@link SHELL_RESIZE}. Binary messages from the worker are terminal output. tcw adds a subprotocol in which both sides
 * also send text messages.
 */

/** The first byte of a message with terminal input. The input follows as bytes. */
export const SHELL_INPUT = 1;
/**
 * The first byte of a message with the terminal size: rows and columns follow as unsigned 16-bit little-endian numbers.
 */
export const SHELL_RESIZE = 2;

/**
 * The subprotocol in which the client's first message is a {@link ShellRequest} and the worker's last message is a
 * {@link ShellResult}. Both are JSON in a text message.
 */
export const SHELL_SUBPROTOCOL = 'tcw-shell-1';

/** The shell that a client wants to run. */
export interface ShellRequest {
  readonly rows: number;
  readonly columns: number;
  /** The command line for the shell. Without it, the shell is interactive. */
  readonly command?: string;
  /** Whether the terminal echoes input and translates line endings, as a person at a terminal needs. */
  readonly cooked?: boolean;
}

export interface ShellResult {
  /** The exit code as a shell would report it. Undefined if no shell ran. */
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
