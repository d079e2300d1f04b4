import { execFile } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { isCode } from '../files/is-code.ts';

// Not execa, which each worker would load for this purpose alone.
const run = promisify(execFile);

/**
 * Creates a FIFO, and holds it open for reading as long as this process lives. However the process ends,
 * including by a reboot, the kernel closes the FIFO. Processes that it starts do not inherit it. This is the
 * sign of life for workers in other containers, who cannot see this process.
 *
 * @returns the descriptor, which may be closed
 * @throws Error when there is no mkfifo, or the file system has no FIFOs
 */
export async function holdFifo(fifo: string): Promise<number> {
  await run('mkfifo', ['-m', '600', fifo]);
  const descriptor = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  // Another worker may have considered it a dead worker's, and removed it, before it was open.
  const isThere = lstatSync(fifo, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino;
  if (isThere) return descriptor;
  closeSync(descriptor);
  throw new Error(`${fifo} was removed while it was made`);
}

/**
 * Whether a process holds a FIFO open. Undefined if there is none, which proves nothing, because a task may
 * have removed it.
 */
export function isFifoHeld(fifo: string): boolean | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    return fstatSync(descriptor).isFIFO() ? true : undefined;
  } catch (error) {
    return isCode(error, 'ENXIO') ? false : undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
