import { randomBytes } from 'node:crypto';
import { chmod, lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';

/** How many things are removed at a time. */
const AT_A_TIME = 32;

/**
 * Removes a run's folder with all that is in it, and follows no link. A task may have taken away its own right to write
 * into a folder, and with it ours; and it may have gone deeper than a path can be long (PATH_MAX, 4,096 bytes on Linux).
 */
export async function removeFolder(folder: string): Promise<void> {
  try {
    // Many a task leaves nothing in it, and this is one call of the system instead of six.
    await rmdir(folder);
  } catch {
    await removeTree(folder);
  }
}

async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (!(await lstat(folder)).isDirectory()) throw error;
    await takeApart(folder);
  }
}

/**
 * Removes a folder from its top: a folder in it is moved up to the top before it is looked into, so that no path is ever
 * long. Not every machine has a program that does as much: the rm of busybox does not remove what is deep.
 */
async function takeApart(folder: string): Promise<void> {
  // What somebody else may add meanwhile has other names, or there could be no end.
  const top = `${folder}/${randomBytes(8).toString('hex')}-`;
  let moved = 0;
  const empty = async (path: string) => {
    await forEach(await readdir(path, { withFileTypes: true, encoding: 'buffer' }), async entry => {
      // Names need not be text.
      const inner = Buffer.concat([Buffer.from(`${path}/`), entry.name]);
      if (!entry.isDirectory()) return unlink(inner);
      // Also because a folder is written to when it gets another parent.
      await chmod(inner, 0o700);
      moved += 1;
      await rename(inner, `${top}${moved}`);
    });
  };
  await chmod(folder, 0o700);
  await empty(folder);
  for (let removed = 0; removed < moved;) {
    const folders = Array.from({ length: Math.min(AT_A_TIME, moved - removed) }, (_, at) => removed + at + 1);
    await forEach(folders, async number => {
      await empty(`${top}${number}`);
      await rmdir(`${top}${number}`);
    });
    removed += folders.length;
  }
  await rmdir(folder);
}

async function forEach<T>(things: readonly T[], act: (thing: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < things.length; at += AT_A_TIME) {
    await Promise.all(things.slice(at, at + AT_A_TIME).map(act));
  }
}
