import { execFile } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { promisify } from 'node:util';

// Without execa, which each worker would load for this alone.
const run = promisify(execFile);

/**
 * Makes a FIFO and holds it open for reading for as long as this process lives. The kernel closes it at the process's
 * end, however that comes about, a reboot included; nothing that the process starts inherits it. So the sign of a
 * process that has gone can not be mistaken for another process's, as a pid could be, in other containers neither.
 *
 * @returns the descriptor, which may be closed
 * @throws Error where there is no mkfifo, or the file system has no FIFOs
 */
export async function showLife(fifo: string): Promise<number> {
  await run('mkfifo', ['-m', '600', fifo]);
  const descriptor = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  // Another worker may have taken it for a dead one's, and removed it, before it was open.
  const isThere = lstatSync(fifo, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino;
  if (isThere) return descriptor;
  closeSync(descriptor);
  throw new Error(`${fifo} was removed while it was made`);
}

/** Whether somebody holds a FIFO open. One that can not be looked at counts as held: its things are left alone. */
export function showsLife(fifo: string): boolean {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENXIO' && code !== 'ENOENT';
  }
}
