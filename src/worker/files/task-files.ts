import type { FileSource } from './file-source.ts';

/** Files of a task, as the task sees them. */
export interface TaskFiles {
  /**
   * Opens what lies at a path: relative to the folder in which commands start, or absolute. Links are followed as the task
   * itself could follow them. Whatever a task puts there, and when, this does not wait for it.
   *
   * @throws Error when this machine has run out of something
   */
  open(path: string): Promise<Opened>;
  /**
   * The paths of all that is in a directory, however deep, but not of directories: sorted by name, and given as they are
   * found. Links to directories are not walked into. A directory that cannot be read stands for what is in it.
   *
   * Most paths are opened once, soon after they were given: no more than a few dozen others are given meanwhile. So a walk that
   * passes the content of small files may keep it until then, but only of the last ones: some paths are never opened, and
   * the walk may be left before its end.
   *
   * @param signal ends a walk that has to read much before it can give a path
   */
  walk(path: string, signal?: AbortSignal): AsyncGenerator<string, void, undefined>;
  /** How many of its streams can be read at a time; as many as anybody likes unless given. */
  readonly atOnce?: number;
}

/** What lies at a path that a task has in its hands. */
export type Opened = OpenedFile | { readonly kind: 'directory' } | NotOpened;

export interface OpenedFile {
  readonly kind: 'file';
  /** Where it really lies, as the task sees it. */
  readonly file: string;
  /** To be closed by whoever gets it, with `closeSource`. */
  readonly source: FileSource;
  /** In bytes. */
  readonly size: number;
}

export type NotOpened =
  | { readonly kind: 'missing' | 'outside' | 'neither' }
  | { readonly kind: 'unreadable'; readonly error: Error };
