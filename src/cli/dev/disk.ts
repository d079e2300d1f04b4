import { diskSpace } from '../../worker/index.ts';
import type { Logger } from '../output/logger.ts';

const MEGABYTE = 1024 ** 2;

/**
 * Returns the free disk space that a task requires on a developer's machine, in megabytes: the requirement of `tcw
 * run`, or half of the free space if that is less. With a higher requirement, such a worker would wait in vain.
 *
 * @param folder where tasks run
 */
export async function devDiskMegabytes(folder: string, required: number, logger: Logger): Promise<number> {
  const freeMegabytes = Math.floor((await freeBytes(folder)) / MEGABYTE);
  if (freeMegabytes >= required) return required;
  const chosen = Math.floor(freeMegabytes / 2);
  logger.warn(
    { folder, freeMegabytes, requiredDiskSpaceMegabytes: chosen },
    `only ${freeMegabytes} MB of disk are free: tasks start as long as ${chosen} MB are`,
  );
  return chosen;
}

/** Errors are ignored here: the worker reports an unusable folder in better words. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { freeBytes, totalBytes } = await diskSpace(folder);
    // A file system without blocks, such as /proc, is not on a disk.
    return totalBytes === 0 ? Infinity : freeBytes;
  } catch {
    return Infinity;
  }
}
