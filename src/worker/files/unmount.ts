import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isCode } from './is-code.ts';

const run = promisify(execFile);

/** How many mounts that lie over each other are taken away. */
const MOST_MOUNTS = 16;
/** How long a program may take, in ms. */
const PATIENCE_MS = 10_000;

/**
 * Removes something at which a task may have mounted something: the kernel says EBUSY, and what is mounted there is taken
 * away first. What it holds is left as it is.
 *
 * @throws Error that says so, where it cannot be unmounted
 */
export async function unmounting<T>(path: string | Buffer, remove: () => Promise<T>): Promise<T> {
  for (let mounts = 0; ; mounts++) {
    try {
      return await remove();
    } catch (error) {
      if (!isCode(error, 'EBUSY') || mounts === MOST_MOUNTS) throw error;
      await unmount(String(path), error);
    }
  }
}

async function unmount(path: string, busy: unknown): Promise<void> {
  try {
    // What is mounted in it may be shared with the mount that it was bound from, which is to keep it.
    if (process.getuid?.() === 0) await run('mount', ['--make-rprivate', path], { timeout: PATIENCE_MS });
    await run('umount', ['-l', path], { timeout: PATIENCE_MS });
  } catch {
    throw new Error(`something is mounted at ${path}, or it is in use; unmount it, and remove it by hand`, {
      cause: busy,
    });
  }
}
