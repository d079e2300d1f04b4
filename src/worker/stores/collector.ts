/**
 * Something on disk that outlives a run and can be recreated: a cache, a download, an image. No run uses it at
 * present.
 */
export interface Unused {
  /** Its size, if that is known without reading the whole directory. */
  readonly bytes?: number;
  /** ms since the epoch. */
  readonly lastUsedMs: number;
  /** Its description for the worker's log: `cache level-1-checkouts`. */
  readonly description: string;
  /**
   * Removes it.
   *
   * @returns false when a run has started to use it, so it stays
   */
  remove(): Promise<boolean>;
}

/** A store of such entries. */
export interface Store {
  /** The folder that contains them. Removing them frees space on its file system. */
  readonly folder: string;
  /** The entries that could be removed now. Entries in use are not included. */
  unused(): readonly Unused[];
}

/** Frees disk space for all stores of a worker. The least recently used entry of any store goes first. */
export interface Collector {
  add(store: Store): void;
  /**
   * Frees disk space until `requiredDiskSpaceMegabytes` are free or nothing is left to remove. Concurrent calls
   * share one run.
   *
   * @returns whether that much is free now
   */
  makeRoom(): Promise<boolean>;
}
