import type { DiskCollector } from './disk-collector.ts';
import type { DiskSpace, MeasureDisk } from './disk-space.ts';
import { diskUsage } from './disk-usage.ts';
import { watchDisk, type DiskWatchOptions } from './disk-watch.ts';
import { pause } from './pause.ts';
import { sizeText } from './size-text.ts';

/** With less than this part of `requiredDiskSpaceMegabytes` free, caches and downloads that no run uses are removed. */
const LOW = 1 / 4;
/** With less than this part free after that, the run that fills the disk is stopped. */
const CRITICAL = 1 / 20;
/** How long caches and downloads may take to go, in ms, until a run has to. */
const COLLECTOR_MS = 10_000;
/** How long the sizes of the runs' folders are counted, in ms. What was counted by then is compared. */
const COUNT_MS = 5_000;
/** How long the folder of a run that was stopped may take to go, in ms, until another run is stopped. */
const REMOVAL_MS = 10_000;

/** A run whose folders are on the disk that is watched. */
export interface GuardedRun {
  /** Absolute. */
  readonly folders: readonly string[];
  /** What its engine has of it beside them. */
  readonly engineBytes?: (signal: AbortSignal) => Promise<number>;
  /**
   * Stops the run as failed. `message` ends its log.
   *
   * @returns false when its commands have ended: it only uploads what it has, and goes then
   */
  stop(message: string): boolean;
}

export interface DiskGuard {
  /** Watches the disk as long as there is a run. What is returned is disposed of when the run is over. */
  enter(run: GuardedRun): Disposable;
}

export interface DiskGuardOptions {
  /** On the disk that is watched. */
  readonly folder: string;
  readonly requiredBytes: number;
  readonly collector: Pick<DiskCollector, 'makeRoom'>;
  readonly measure?: MeasureDisk;
  readonly wait?: DiskWatchOptions['wait'];
  readonly usage?: (folder: string, signal: AbortSignal) => Promise<number>;
}

interface Watched {
  readonly run: GuardedRun;
  /** What its folder held when the disk got low; 0 for a run that began later. */
  bytesAtLow: number;
  isStopped: boolean;
}

/**
 * Keeps the disk from being filled by a task while the worker's other runs, and the worker itself, need it. First, what no
 * run uses is removed. Then one run is stopped: the only one, or the one whose folder has grown most since the disk got low,
 * or the largest where none has grown. Another one is stopped when the first is gone and that did not help.
 */
export function diskGuard(options: DiskGuardOptions): DiskGuard {
  const { folder, requiredBytes, collector, measure, wait, usage = bytesOf } = options;
  const runs = new Set<Watched>();
  let watch: AbortController | undefined;
  let isLow = false;
  let goneAt = -Infinity;

  /** Counts what each run's folder holds, all at the same time. */
  const sizes = (watched: readonly Watched[]): Promise<number[]> => {
    const signal = AbortSignal.timeout(COUNT_MS);
    return Promise.all(
      watched.map(async ({ run }) => {
        const each = await Promise.all([
          ...run.folders.map(folder => usage(folder, signal)),
          // An engine that does not answer keeps nobody from room.
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
    // What a stopped run leaves is still being removed.
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
