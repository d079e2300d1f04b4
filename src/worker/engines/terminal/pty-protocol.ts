import type { TerminalSize } from '../engine.ts';

/** The process's descriptor for typed input and the terminal's output. */
export const PTY_STREAM = 4;

/** Messages to the process that holds a terminal. */
export type ToPty =
  | {
      readonly type: 'start';
      readonly file: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly size: TerminalSize;
      /** Owner of the terminal's device, if not the worker's own user. */
      readonly owner?: { readonly uid: number; readonly gid: number };
    }
  | { readonly type: 'resize'; readonly size: TerminalSize };

/** Messages from it. */
export type FromPty =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'failed'; readonly message: string }
  /** All output has been written. The exit code is a shell's: 128 + N after signal N. */
  | { readonly type: 'ended'; readonly exitCode: number };
