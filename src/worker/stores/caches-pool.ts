import type { Tell } from '../events.ts';
import type { ThrowAway } from './caches-bin.ts';
import { identityOf, isSame } from './caches-move.ts';
import { writeTable, type CacheEntry } from './caches-table.ts';
import type { Unused } from './collector.ts';
import type { OwnFolder } from './own-folder.ts';
import type { Purged } from './purge-requests.ts';

/** More caches than this are not kept, of all names together: the list is written at each change. */
const MOST_CACHES = 1_000;

/** A cache that a run has, as far as the pool has to know of it. */
export interface OutForUse {
  readonly cacheName: string;
  /** ms since the epoch, by the queue's clock. */
  readonly createdMs: number;
  /** Whether a purge request came for it meanwhile. */
  isPurged: boolean;
}

/** The caches of a worker: those that no run uses, and which ones are out for use. What is on disk follows the memory. */
export interface CachePool {
  pathOf(id: string): string;
  /** Takes the freshest cache of that name out of the pool. */
  take(cacheName: string): CacheEntry | undefined;
  /** A cache that was not used after all. */
  putBack(entry: CacheEntry): void;
  /** Whether the folder of caches is still the one that was opened. */
  isInPlace(): Promise<boolean>;
  /** Adds a cache that lies in the folder. The oldest go when there are too many of its name. */
  add(entry: CacheEntry): void;
  /** Takes those out of the pool that are to be purged, and marks those that are out for use. */
  purged(requests: Purged): readonly CacheEntry[];
  begin(use: OutForUse): void;
  end(use: OutForUse): void;
  unused(): readonly Unused[];
  readonly throwAway: ThrowAway;
}

export interface PoolOptions {
  readonly own: OwnFolder;
  readonly capacity: number;
  readonly tell: Tell;
  readonly throwAway: ThrowAway;
}

/** @param found what lies in the folder already; too many of one name, where caches of further workers are among them */
export function cachePool(options: PoolOptions, found: readonly CacheEntry[]): CachePool {
  const { own, capacity, tell, throwAway } = options;
  const { path: folder } = own;
  const entries = new Set(found);
  const uses = new Set<OutForUse>();

  const save = () => {
    try {
      writeTable(folder, entries);
    } catch (err) {
      tell({ type: 'caches-not-written-down', folder, err });
    }
  };
  const pathOf = (id: string) => `${folder}/${id}`;
  /** The freshest first. */
  const named = (cacheName: string) =>
    [...entries].filter(entry => entry.cacheName === cacheName).sort((a, b) => b.lastUsedMs - a.lastUsedMs);
  /** Removes an entry, unless somebody else was faster. */
  const drop = async (entry: CacheEntry): Promise<boolean> => {
    if (!entries.delete(entry)) return false;
    save();
    await throwAway(pathOf(entry.id));
    return true;
  };
  /** Sees that there are not too many of one name, nor in all. */
  const trim = (cacheName: string) => {
    const tooMany = named(cacheName).slice(capacity);
    if (entries.size - tooMany.length > MOST_CACHES) {
      tooMany.push(...[...entries].sort((a, b) => a.lastUsedMs - b.lastUsedMs).slice(0, 1));
    }
    for (const entry of tooMany) {
      entries.delete(entry);
      void throwAway(pathOf(entry.id));
    }
  };

  for (const cacheName of new Set(found.map(entry => entry.cacheName))) trim(cacheName);
  return {
    pathOf,
    throwAway,
    take: cacheName => {
      const [freshest] = named(cacheName);
      if (!freshest) return undefined;
      entries.delete(freshest);
      // From now on it may change. If this worker dies, nobody is to find it as it was left then.
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
      const isWanted = ({ cacheName, createdMs }: CacheEntry | OutForUse) =>
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
