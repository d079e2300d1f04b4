import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode } from '../files/is-code.ts';

/** The file system that a folder lies on. */
export interface DiskSpace {
  /** The folder that was asked about. */
  readonly folder: string;
  /** By which one file system is told from another. */
  readonly device: number;
  /** What an ordinary user can still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export type MeasureDisk = (folder: string) => Promise<DiskSpace>;

/**
 * Asks the system how much space is left for a folder. One that does not exist yet is on the file system of the folder that
 * it will be made in.
 */
export async function diskSpace(folder: string): Promise<DiskSpace> {
  for (let existing = folder; ; existing = dirname(existing)) {
    try {
      const [{ bavail, blocks, bsize }, { dev }] = await Promise.all([statfs(existing), stat(existing)]);
      return { folder, device: dev, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch (error) {
      if (!isCode(error, 'ENOENT') || dirname(existing) === existing) throw error;
    }
  }
}
