import type { DiskCollector } from './disk-collector.ts';
import type { DiskSpace, MeasureDisk } from './disk-space.ts';
import { diskUsage } from './disk-usage.ts';
import { watchDisk, type DiskWatchOptions } from './disk-watch.ts';
import { pause } from './pause.ts';
import { sizeText } from './size-text.ts';

/** With less than this share of `requiredDiskSpaceMegabytes` free, unused caches and downloads are removed. */
const LOW = 1 / 4;
/** With less than this share free after that, the run that fills the disk is stopped. */
const CRITICAL = 1 / 20;
/** How long the removal of caches and downloads may take, in ms, before a run is stopped. */
const COLLECTOR_MS = 10_000;
/** Time limit for measuring the runs' folders, in ms. Incomplete sizes are compared as they are. */
const COUNT_MS = 5_000;
/** How long the folder of a stopped run may take to be removed, in ms, before another run is stopped. */
const REMOVAL_MS = 10_000;

/** A run with folders on the watched disk. */
export interface GuardedRun {
  /** Absolute. */
  readonly folders: readonly string[];
  /** The size of what its engine holds for it in addition. */
  readonly engineBytes?: (signal: AbortSignal) => Promise<number>;
  /**
   * Stops the run as failed. `message` is the last line of its log.
   *
   * @returns false when its commands have ended: it only uploads, and will soon be gone
   */
  stop(message: string): boolean;
}

export interface DiskGuard {
  /** Watches the disk as long as there is a run. Dispose of the result when the run is over. */
  enter(run: GuardedRun): Disposable;
}

export interface DiskGuardOptions {
  /** A folder on the watched disk. */
  readonly folder: string;
  readonly requiredBytes: number;
  readonly collector: Pick<DiskCollector, 'makeRoom'>;
  readonly measure?: MeasureDisk;
  readonly wait?: DiskWatchOptions['wait'];
  readonly usage?: (folder: string, signal: AbortSignal) => Promise<number>;
}

interface Watched {
  readonly run: GuardedRun;
  /** The size of its folder when the disk got low; 0 for a run that began later. */
  bytesAtLow: number;
  isStopped: boolean;
}

/**
 * Keeps a task from filling the disk that the worker and its other runs need. First, unused entries are
 * removed. Then one run is stopped: the only one, or the one whose folder has grown most since the disk got
 * low, or the largest if none has grown. Another one is stopped when the first is gone and that did not help.
 */
export function diskGuard(options: DiskGuardOptions): DiskGuard {
  const { folder, requiredBytes, collector, measure, wait, usage = bytesOf } = options;
  const runs = new Set<Watched>();
  let watch: AbortController | undefined;
  let isLow = false;
  let goneAt = -Infinity;

  /** Measures all runs' folders at the same time. */
  const sizes = (watched: readonly Watched[]): Promise<number[]> => {
    const signal = AbortSignal.timeout(COUNT_MS);
    return Promise.all(
      watched.map(async ({ run }) => {
        const each = await Promise.all([
          ...run.folders.map(folder => usage(folder, signal)),
          // An engine that does not answer must not delay this.
          run.engineBytes?.(signal).catch(() => 0) ?? 0,
        ]);
        return each.reduce((sum, bytes) => sum + bytes, 0);
      }),
    );
  };

  const onLow = async () => {
    const room = collector.makeRoom().catch(() => false);
    // With one run there is nothing to compare.
    if (!isLow && runs.size > 1) {
      const watched = [...runs];
      for (const [at, bytes] of (await sizes(watched)).entries()) {
        const each = watched[at];
        if (each) each.bytesAtLow = bytes;
      }
    }
    isLow = true;
    const ended = new AbortController();
    await Promise.race([room, pause(COLLECTOR_MS, ended.signal)]);
    ended.abort();
  };

  const onCritical = async ({ freeBytes }: DiskSpace) => {
    // The files of a stopped run are still being removed.
    if ([...runs].some(({ isStopped }) => isStopped) || performance.now() - goneAt < REMOVAL_MS) return;
    const watched = [...runs];
    const bytes = watched.length > 1 ? await sizes(watched) : [];
    const order = watched
      .map((each, at) => ({ each, bytes: bytes[at] ?? 0, grown: (bytes[at] ?? 0) - each.bytesAtLow }))
      .filter(({ each }) => runs.has(each))
      .sort((a, b) => b.grown - a.grown || b.bytes - a.bytes);
    const left = `task aborted due to lack of disk space: ${sizeText(freeBytes)} were left`;
    for (const { each, bytes: own } of order) {
      const held = bytes.length > 0 ? `, and the folder of this task holds ${sizeText(own)}` : '';
      each.isStopped = each.run.stop(`${left}${held}`);
      if (each.isStopped) return;
    }
  };

  const start = () => {
    watch = new AbortController();
    isLow = false;
    void watchDisk({
      folder,
      lowBytes: requiredBytes * LOW,
      criticalBytes: requiredBytes * CRITICAL,
      signal: watch.signal,
      onLow,
      onCritical,
      onRoom: () => {
        isLow = false;
        for (const each of runs) each.bytesAtLow = 0;
      },
      ...(measure && { measure }),
      ...(wait && { wait }),
    });
  };

  return {
    enter: run => {
      const watched: Watched = { run, bytesAtLow: 0, isStopped: false };
      runs.add(watched);
      if (!watch && requiredBytes > 0) start();
      return {
        [Symbol.dispose]: () => {
          runs.delete(watched);
          if (watched.isStopped) goneAt = performance.now();
          if (runs.size > 0) return;
          watch?.abort();
          watch = undefined;
        },
      };
    },
  };
}

async function bytesOf(folder: string, signal: AbortSignal): Promise<number> {
  return (await diskUsage(folder, { signal })).bytes;
}
