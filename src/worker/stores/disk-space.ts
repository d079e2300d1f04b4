import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode } from '../files/is-code.ts';

/** The file system of a folder. */
export interface DiskSpace {
  /** The folder in question. */
  readonly folder: string;
  /** Identifies the file system. */
  readonly device: number;
  /** Space that an ordinary user can still use. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export type MeasureDisk = (folder: string) => Promise<DiskSpace>;

/**
 * Returns the free space for a folder. If it does not exist yet, its file system is that of the folder in which
 * it will be created.
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
