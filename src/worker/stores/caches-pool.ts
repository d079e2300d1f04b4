import type { Emit } from '../events.ts';
import type { Discard } from './caches-trash.ts';
import { identityOf, isSame } from './caches-move.ts';
import { writeTable, type CacheEntry } from './caches-table.ts';
import type { Unused } from './collector.ts';
import type { OwnFolder } from './own-folder.ts';
import type { Purged } from './purge-requests.ts';

/** Limit for the number of caches of all names together, because the list is written at each change. */
const MAX_CACHES = 1_000;

/** A cache in use, as far as the pool needs to know it. */
export interface CacheInUse {
  readonly cacheName: string;
  /** ms since the epoch, by the queue's clock. */
  readonly createdMs: number;
  /** Whether it was purged in the meantime. */
  isPurged: boolean;
}

/** The caches of a worker: the unused ones, and those in use. The files on disk follow this state in memory. */
export interface CachePool {
  pathOf(id: string): string;
  /** Takes the freshest cache with that name out of the pool. */
  take(cacheName: string): CacheEntry | undefined;
  /** Returns a cache that was not used after all. */
  putBack(entry: CacheEntry): void;
  /** Whether the folder of caches is still the one that was opened. */
  isInPlace(): Promise<boolean>;
  /** Adds a cache that is in the folder. If there are too many with its name, the oldest are removed. */
  add(entry: CacheEntry): void;
  /** Takes the caches to be purged out of the pool, and marks those in use. */
  purged(requests: Purged): readonly CacheEntry[];
  begin(use: CacheInUse): void;
  end(use: CacheInUse): void;
  unused(): readonly Unused[];
  readonly discard: Discard;
}

export interface PoolOptions {
  readonly own: OwnFolder;
  readonly capacity: number;
  readonly emit: Emit;
  readonly discard: Discard;
}

/** @param found caches in the folder. With the caches of further workers, there may be too many of one name */
export function cachePool(options: PoolOptions, found: readonly CacheEntry[]): CachePool {
  const { own, capacity, emit, discard } = options;
  const { path: folder } = own;
  const entries = new Set(found);
  const uses = new Set<CacheInUse>();

  const save = () => {
    try {
      writeTable(folder, entries);
    } catch (err) {
      emit({ type: 'caches-not-written-down', folder, err });
    }
  };
  const pathOf = (id: string) => `${folder}/${id}`;
  /** The freshest first. */
  const named = (cacheName: string) =>
    [...entries].filter(entry => entry.cacheName === cacheName).sort((a, b) => b.lastUsedMs - a.lastUsedMs);
  /** Removes an entry, unless it was already taken. */
  const drop = async (entry: CacheEntry): Promise<boolean> => {
    if (!entries.delete(entry)) return false;
    save();
    await discard(pathOf(entry.id));
    return true;
  };
  /** Removes caches if there are too many of one name or in all. */
  const trim = (cacheName: string) => {
    const tooMany = named(cacheName).slice(capacity);
    if (entries.size - tooMany.length > MAX_CACHES) {
      tooMany.push(...[...entries].sort((a, b) => a.lastUsedMs - b.lastUsedMs).slice(0, 1));
    }
    for (const entry of tooMany) {
      entries.delete(entry);
      void discard(pathOf(entry.id));
    }
  };

  for (const cacheName of new Set(found.map(entry => entry.cacheName))) trim(cacheName);
  return {
    pathOf,
    discard,
    take: cacheName => {
      const [freshest] = named(cacheName);
      if (!freshest) return undefined;
      entries.delete(freshest);
      // From now on the cache may change. If this worker crashes, nobody must use it in that state.
      save();
      return freshest;
    },
    putBack: entry => {
      entries.add(entry);
      save();
    },
    isInPlace: async () => isSame(await identityOf(folder), own.identity),
    add: entry => {
      entries.add(entry);
      trim(entry.cacheName);
      save();
    },
    purged: requests => {
      const isWanted = ({ cacheName, createdMs }: CacheEntry | CacheInUse) =>
        createdMs < (requests.get(cacheName) ?? -Infinity);
      for (const use of uses) use.isPurged ||= isWanted(use);
      const removed = [...entries].filter(isWanted);
      for (const entry of removed) entries.delete(entry);
      if (removed.length > 0) save();
      return removed;
    },
    begin: use => {
      uses.add(use);
    },
    end: use => {
      uses.delete(use);
    },
    unused: () =>
      Array.from(entries, entry => ({
        lastUsedMs: entry.lastUsedMs,
        description: `cache ${entry.cacheName}`,
        remove: () => drop(entry),
      })),
  };
}
