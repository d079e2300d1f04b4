import { diskSpace } from '../../worker/index.ts';
import type { Logger } from '../output/logger.ts';

const MEGABYTE = 1024 ** 2;

/**
 * How many megabytes have to be free for a task, for a worker on a developer's machine: as with `tcw run`, or half of what is
 * free, where that is less. Such a worker has nothing else to wait for.
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

/** What is wrong with a folder that cannot be, the worker says better. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { freeBytes, totalBytes } = await diskSpace(folder);
    // What has no blocks at all is none of a disk, such as /proc.
    return totalBytes === 0 ? Infinity : freeBytes;
  } catch {
    return Infinity;
  }
}
