import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isCode } from './is-code.ts';

const run = promisify(execFile);

/** Limit for the number of mounts on top of each other that are removed. */
const MAX_MOUNTS = 16;
/** Time limit for a program, in ms. */
const PATIENCE_MS = 10_000;

/**
 * Removes something at which a task may have mounted something. If the kernel returns EBUSY, the mount is
 * removed first. Its contents are left unchanged.
 *
 * @throws Error that says so when it cannot be unmounted
 */
export async function unmounting<T>(path: string | Buffer, remove: () => Promise<T>): Promise<T> {
  for (let mounts = 0; ; mounts++) {
    try {
      return await remove();
    } catch (error) {
      if (!isCode(error, 'EBUSY') || mounts === MAX_MOUNTS) throw error;
      await unmount(String(path), error);
    }
  }
}

async function unmount(path: string, busy: unknown): Promise<void> {
  try {
    // Mounts inside it may be shared with the original of a bind mount, which must keep them.
    if (process.getuid?.() === 0) await run('mount', ['--make-rprivate', path], { timeout: PATIENCE_MS });
    await run('umount', ['-l', path], { timeout: PATIENCE_MS });
  } catch {
    throw new Error(`something is mounted at ${path}, or it is in use; unmount it, and remove it by hand`, {
      cause: busy,
    });
  }
}
