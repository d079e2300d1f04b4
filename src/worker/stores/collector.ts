/** Something on disk that outlives a run and can be made again: a cache, a download, an image. No run uses it now. */
export interface Unused {
  /** Where its size is known without a walk through it. */
  readonly bytes?: number;
  /** ms since the epoch. */
  readonly lastUsedMs: number;
  /** What it is, for the worker's log: `cache level-1-checkouts`. */
  readonly description: string;
  /**
   * Removes it.
   *
   * @returns false when a run has begun to use it meanwhile: then it stays
   */
  remove(): Promise<boolean>;
}

/** What keeps such things. */
export interface Store {
  /** The folder that they lie in. Its file system is the one that gets space when they are removed. */
  readonly folder: string;
  /** What could be removed now. What a run uses is not among it. */
  unused(): readonly Unused[];
}

/** Frees disk for all stores of a worker: the oldest entry of any of them goes first. */
export interface Collector {
  add(store: Store): void;
  /**
   * Frees disk until `requiredDiskSpaceMegabytes` are free, as far as there is something to remove. Calls at the same time
   * are one call.
   *
   * @returns whether that much is free now
   */
  makeRoom(): Promise<boolean>;
}
