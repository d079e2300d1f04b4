import type { FileSource } from './file-source.ts';

/** Files of a task, as the task sees them. */
export interface TaskFiles {
  /**
   * Opens a path, relative to the folder in which commands start, or absolute. Links are followed as the task
   * itself could follow them. This does not block, whatever a task puts there at any time.
   *
   * @throws Error when this machine has run out of a resource
   */
  open(path: string): Promise<Opened>;
  /**
   * Yields the paths of everything in a directory at any depth, except directories, sorted by name. Links to
   * directories are not followed. A directory that cannot be read stands for its contents.
   *
   * Most paths are opened once, soon after they were yielded: at most a few dozen others are yielded in
   * between. So a walk that passes the content of small files may keep it until then, but only of the last
   * ones. Some paths are never opened, and the walk may be left before its end.
   *
   * @param signal ends a walk that has to read much before it can yield a path
   */
  walk(path: string, signal?: AbortSignal): AsyncGenerator<string, void, undefined>;
  /** How many of its streams can be read at a time. By default any number. */
  readonly atOnce?: number;
}

/** What is at a path that a task controls. */
export type Opened = OpenedFile | { readonly kind: 'directory' } | NotOpened;

export interface OpenedFile {
  readonly kind: 'file';
  /** The real path, as the task sees it. */
  readonly file: string;
  /** The receiver closes it with `closeSource`. */
  readonly source: FileSource;
  /** In bytes. */
  readonly size: number;
}

export type NotOpened =
  | { readonly kind: 'missing' | 'outside' | 'neither' }
  | { readonly kind: 'unreadable'; readonly error: Error };
