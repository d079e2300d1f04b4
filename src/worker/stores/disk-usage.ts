import { lstat, opendir } from 'node:fs/promises';
import { limitedConcurrency } from '../files/limited-concurrency.ts';

/** Number of folders that are read at a time. */
const LANES = 4;
/** Number of files that are examined at a time. */
const FILES_AT_A_TIME = 32;
const BLOCK_BYTES = 512;

export interface DiskUsage {
  /** Disk space of the counted files. A file with several names counts once. */
  readonly bytes: number;
  /** Whether all files were counted. */
  readonly isComplete: boolean;
}

export interface DiskUsageOptions {
  /** Ends the count. The result is what was counted until then. */
  readonly signal?: AbortSignal;
  /** Limit for the number of files and folders. By default a million. */
  readonly maxEntries?: number;
}

/** Measures the disk space of a folder. Follows no links, and skips what it cannot read. */
export async function diskUsage(
  folder: string,
  { signal, maxEntries = 1_000_000 }: DiskUsageOptions = {},
): Promise<DiskUsage> {
  const lanes = limitedConcurrency(LANES);
  const seen = new Set<string>();
  let bytes = 0;
  let entries = 0;
  let isComplete = true;
  const isOver = () => signal?.aborted === true || entries >= maxEntries;

  /** @returns whether it is a folder */
  const count = async (path: Buffer): Promise<boolean> => {
    const { dev, ino, nlink, blocks, ...found } = await lstat(path);
    const isDirectory = (found.mode & 0o170000) === 0o040000;
    entries++;
    if (nlink > 1 && !isDirectory) {
      const file = `${dev}:${ino}`;
      if (seen.has(file)) return false;
      seen.add(file);
    }
    bytes += blocks * BLOCK_BYTES;
    return isDirectory;
  };
  const walk = async (path: Buffer): Promise<void> => {
    const folders: Buffer[] = [];
    let batch: Buffer[] = [];
    const flush = async () => {
      const paths = batch;
      batch = [];
      const counted = paths.map(async inner => {
        if (await count(inner)) folders.push(inner);
      });
      const outcomes = await Promise.allSettled(counted);
      if (outcomes.some(({ status }) => status === 'rejected')) isComplete = false;
    };
    try {
      // Names need not be text. Node's types do not know names that are buffers.
      const options = { encoding: 'buffer', bufferSize: FILES_AT_A_TIME } as unknown as {
        bufferSize: number;
      };
      for await (const { name } of await opendir(path, options)) {
        if (isOver()) break;
        batch.push(Buffer.concat([path, Buffer.from('/'), name as unknown as Buffer]));
        if (batch.length === FILES_AT_A_TIME) await flush();
      }
      await flush();
    } catch {
      isComplete = false;
    }
    if (isOver()) isComplete = false;
    else await lanes(folders, walk);
  };
  await walk(Buffer.from(folder));
  return { bytes, isComplete };
}
