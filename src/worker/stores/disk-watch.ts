import { diskSpace, type DiskSpace, type MeasureDisk } from './disk-space.ts';
import { pause } from './pause.ts';

/** No disk is faster than this, in bytes per second, so it cannot become full sooner. */
const FASTEST_BYTES_PER_SECOND = 4 * 1024 ** 3;
/** The interval between checks while there is much space, and the longest one, in ms. */
const MAX_INTERVAL_MS = 1_000;
const MIN_INTERVAL_MS = 50;

export interface DiskWatchOptions {
  readonly folder: string;
  /** With less than this free, {@link DiskWatchOptions.onLow} is called. */
  readonly lowBytes: number;
  /** With less than this free after that, {@link DiskWatchOptions.onCritical} is called. */
  readonly criticalBytes: number;
  /** Removes what can be recreated. The next check comes when it is done. */
  onLow(space: DiskSpace): Promise<unknown>;
  /** Called when a check finds more than `lowBytes` free. */
  onRoom?(space: DiskSpace): void;
  /** Stops what fills the disk. The next check comes when it is done. */
  onCritical(space: DiskSpace): Promise<unknown>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly measure?: MeasureDisk;
  /** Waits the given number of ms, or until the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Watches the file system of a folder until the signal is aborted. The fuller the disk, the more often it is
 * checked.
 *
 * A failed check is ignored: the next one may work, and no run must be stopped because of it.
 */
export async function watchDisk(options: DiskWatchOptions): Promise<void> {
  const { folder, lowBytes, criticalBytes, signal, measure = diskSpace, wait = pause } = options;
  const measured = () => measure(folder).catch(() => undefined);
  while (!signal.aborted) {
    let space = await measured();
    if (space && space.freeBytes < lowBytes && !signal.aborted) {
      await options.onLow(space);
      space = await measured();
    } else if (space) options.onRoom?.(space);
    if (space && space.freeBytes < criticalBytes && !signal.aborted) await options.onCritical(space);
    const leftBytes = (space?.freeBytes ?? Infinity) - criticalBytes;
    const msUntilFull = (Math.max(0, leftBytes) / FASTEST_BYTES_PER_SECOND) * 1_000;
    await wait(Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, msUntilFull)), signal);
  }
}
