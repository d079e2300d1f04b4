import type { Emit } from '../events.ts';
import type { Collector, Store, Unused } from './collector.ts';
import { diskSpace, type DiskSpace, type MeasureDisk } from './disk-space.ts';

/** After this time (ms), no further entry is removed, so that the caller gets an answer. */
const PATIENCE_MS = 5 * 60_000;

export interface CollectorOptions {
  /** The folder with the runs' folders. */
  readonly tasksDir: string;
  /** Required free space on the file system of each folder. With 0 there is always enough. */
  readonly requiredBytes: number;
  readonly emit: Emit;
  readonly measure?: MeasureDisk;
  readonly patienceMs?: number;
}

/** A collector that reports more than whether there is enough space. */
export interface DiskCollector extends Collector {
  /** Returns the file systems with too little free space. Removes nothing. */
  shortages(): Promise<readonly Shortage[]>;
  /** Returns what the stores keep that no run uses at present. */
  kept(): readonly KeptInStore[];
}

/** The unused part of a store. */
export interface KeptInStore {
  readonly folder: string;
  readonly entries: number;
  /** The sum for entries whose size is known. */
  readonly bytes: number;
}

/** A file system with too little free space. */
export interface Shortage extends DiskSpace {
  readonly requiredBytes: number;
}

/**
 * Creates the collector of one worker. It checks the file system of the tasks, and those of the stores that are
 * added.
 *
 * A file system that contains only a store may be small on purpose. There, half of its size need be free, if
 * that is less than `requiredBytes`.
 */
export function diskCollector(options: CollectorOptions): DiskCollector {
  const { tasksDir, requiredBytes, emit, measure = diskSpace, patienceMs = PATIENCE_MS } = options;
  const stores: Store[] = [];
  let underWay: Promise<boolean> | undefined;

  const shortages = async (): Promise<Shortage[]> => {
    if (requiredBytes === 0) return [];
    const folders = new Set([tasksDir, ...stores.map(({ folder }) => folder)]);
    const spaces = await Promise.all(Array.from(folders, measure));
    const ofTasks = spaces[0]?.device;
    return distinct(spaces)
      .map(space => ({
        ...space,
        requiredBytes:
          space.device === ofTasks ? requiredBytes : Math.min(requiredBytes, space.totalBytes / 2),
      }))
      .filter(space => space.freeBytes < space.requiredBytes);
  };

  const freed = async (): Promise<boolean> => {
    const endsAt = performance.now() + patienceMs;
    const tried = new Set<string>();
    for (let short = await shortages(); short.length > 0; short = await shortages()) {
      const next = performance.now() < endsAt ? await oldest(short, tried) : undefined;
      if (!next) return false;
      await remove(next);
    }
    return true;
  };

  /** Returns the least recently used entry on the file systems that are short of space. */
  const oldest = async (short: readonly Shortage[], tried: Set<string>) => {
    const devices = new Set(short.map(({ device }) => device));
    const found: Candidate[] = [];
    for (const [number, store] of stores.entries()) {
      const unused = store.unused();
      if (unused.length === 0 || !devices.has((await measure(store.folder)).device)) continue;
      for (const entry of unused) {
        // Stores create their lists each time, so an entry is identified by its description and time.
        const key = `${number} ${entry.lastUsedMs} ${entry.description}`;
        if (!tried.has(key)) found.push({ entry, store, key });
      }
    }
    const [first] = found.sort((a, b) => a.entry.lastUsedMs - b.entry.lastUsedMs);
    if (first) tried.add(first.key);
    return first;
  };

  const remove = async ({ entry, store: { folder } }: Candidate): Promise<void> => {
    const { description } = entry;
    try {
      const before = await measure(folder);
      if (!(await entry.remove())) return;
      const { freeBytes } = await measure(folder);
      const freedBytes = Math.max(0, freeBytes - before.freeBytes);
      emit({ type: 'store-entry-removed', description, folder, freedBytes, freeBytes });
    } catch (err) {
      emit({ type: 'store-entry-stays', description, folder, err });
    }
  };

  return {
    add: store => {
      stores.push(store);
    },
    shortages,
    kept: () =>
      stores.map(store => {
        const entries = store.unused();
        const bytes = entries.reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
        return { folder: store.folder, entries: entries.length, bytes };
      }),
    makeRoom: () => {
      underWay ??= freed().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

interface Candidate {
  readonly entry: Unused;
  readonly store: Store;
  readonly key: string;
}

/** Returns the first folder on each file system. */
function distinct(spaces: readonly DiskSpace[]): DiskSpace[] {
  return [...new Map(spaces.toReversed().map(space => [space.device, space])).values()].toReversed();
}
