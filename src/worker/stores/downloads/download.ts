import type { FileHandle } from 'node:fs/promises';
import type { Located } from './fetch-content.ts';

/** What a run wants to have. */
export interface DownloadRequest {
  /** The same for all who want the same: `artifact:<taskId>:<name>`, `urlcontent:<url>`. */
  readonly key: string;
  /** What it is called in the log: `task <taskId> artifact <name>`, `url <url>`. */
  readonly description: string;
  /** The SHA-256 that the task requires, hexadecimal. */
  readonly sha256?: string | undefined;
  /**
   * Whether somebody decides who may have it. Then `locate` is called, and has to succeed, also when it is on disk already.
   * The name of an artifact decides nothing: a public link may lead to one that is private.
   */
  readonly isAsked: boolean;
  /**
   * Finds out where the content is at the moment, with the rights of the task that wants it.
   *
   * @throws ServiceError, or NotDownloadable where there is none
   */
  readonly locate: (signal: AbortSignal) => Promise<Located>;
}

/** Where a store says what it does for a run. */
export interface DownloadLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Downloaded content. It is not removed before it is disposed of. */
export interface Download extends AsyncDisposable {
  /** Absolute; for messages, and for programs that cannot read what is open. Never to be written to. */
  readonly file: string;
  /** Open for reading. Whatever a task does to the file's name, this stays the file. */
  readonly handle: FileHandle;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /**
   * To be called when it has been used.
   *
   * @throws TaskError `task-failed` when somebody has written to the file meanwhile, so that what was read is not the content
   */
  verify(): Promise<void>;
}
