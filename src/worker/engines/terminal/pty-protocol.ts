import type { TerminalSize } from '../engine.ts';

/** The descriptor by which what is typed comes to that process, and what the terminal shows goes. */
export const PTY_STREAM = 4;

/** What the process that holds a terminal is told, over the channel to it. */
export type ToPty =
  | {
      readonly type: 'start';
      readonly file: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly size: TerminalSize;
      /** To whom the terminal's file belongs, where that is not the worker's own user. */
      readonly owner?: { readonly uid: number; readonly gid: number };
    }
  | { readonly type: 'resize'; readonly size: TerminalSize };

/** What it tells. */
export type FromPty =
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'failed'; readonly message: string }
  /** All output has been written. As a shell has it: 128 + N for an end by signal N. */
  | { readonly type: 'ended'; readonly exitCode: number };
