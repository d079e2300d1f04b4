import type { FileHandle } from 'node:fs/promises';
import type { Located } from './fetch-content.ts';

/** Content that a run wants. */
export interface DownloadRequest {
  /** The same for all requests for the same content: `artifact:<taskId>:<name>`, `urlcontent:<url>`. */
  readonly key: string;
  /** Its name in the log: `task <taskId> artifact <name>`, `url <url>`. */
  readonly description: string;
  /** The SHA-256 that the task requires, in hexadecimal. */
  readonly sha256?: string | undefined;
  /**
   * Whether access is controlled. `locate` is then called and must succeed even if the content is already on
   * disk. The name of an artifact decides nothing, because a public link may point to a private artifact.
   */
  readonly isAsked: boolean;
  /**
   * Finds the present location of the content, with the rights of the task that wants it.
   *
   * @throws ServiceError, or NotDownloadable if there is no content
   */
  readonly locate: (signal: AbortSignal) => Promise<Located>;
}

/** The log in which a store reports what it does for a run. */
export interface DownloadLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Downloaded content. It is not removed before this is disposed of. */
export interface Download extends AsyncDisposable {
  /** Absolute. For messages, and for programs that cannot read an open descriptor. Never write to it. */
  readonly file: string;
  /** Open for reading. Whatever a task does to the file's name, this remains the file. */
  readonly handle: FileHandle;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /**
   * Call this after use.
   *
   * @throws TaskError `task-failed` when somebody has written to the file in the meantime
   */
  verify(): Promise<void>;
}
