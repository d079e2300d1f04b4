import { randomBytes } from 'node:crypto';
import { chmod, lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { isCode } from './is-code.ts';
import { inLanes } from './lanes.ts';
import { unmounting } from './unmount.ts';

/** How many files are removed at a time. */
const FILES_AT_A_TIME = 32;
/** How many folders are worked on at a time. */
const LANES = 8;
/** How many names of folders are kept in memory of one folder that has more. */
const MOST_FOLDERS = 10_000;
/** A path that is longer (bytes) is made short before it becomes too long (PATH_MAX, 4,096 bytes on Linux). */
const LONGEST_PATH = 3_000;

/** What tells a folder from any other. */
export interface FolderIdentity {
  readonly dev?: bigint;
  readonly ino: bigint;
}

/**
 * Removes a folder with all that is in it, or whatever else lies at its path. It follows no link, and never looks into
 * what is mounted: that is unmounted, or stays. A task may have taken away its own right to write into a folder, and with
 * it ours; and it may have gone deeper than a path can be long. What cannot be removed keeps nothing else.
 *
 * @param made the folder that was made: another folder in its place is left alone
 * @throws Error with the first thing that could not be removed
 */
export async function removeFolder(folder: string, made?: FolderIdentity): Promise<void> {
  // Many a task leaves nothing in it, and this is one call of the system instead of six.
  if (await isRemoved(folder)) return;
  const found = await lstat(folder, { bigint: true });
  if (!found.isDirectory()) return unmounting(folder, () => unlink(folder)).catch(unlessMissing);
  const { dev = found.dev, ino } = made ?? found;
  if (found.dev !== dev || found.ino !== ino) {
    throw new Error(
      `${folder} is not the folder that was made for the run; look at it, and remove it by hand`,
    );
  }
  await takeApart(folder);
}

/**
 * Removes a folder if it is empty. Of one that is not, this tells whether something is mounted over it: the kernel
 * refuses that with EBUSY before it looks for what is in it.
 */
async function isRemoved(folder: string | Buffer): Promise<boolean> {
  try {
    await unmounting(folder, () => rmdir(folder));
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return true;
    // The code of what is no folder, and those of a folder that is not empty.
    if (isCode(error, 'ENOTDIR', 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

async function takeApart(top: string): Promise<void> {
  const problems: unknown[] = [];
  const lanes = inLanes(LANES);
  let moved = 0;
  // What somebody else may add meanwhile has other names, or there could be no end.
  const shorter = `${top}/${randomBytes(8).toString('hex')}-`;

  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      problems.push(...(problems.length === 0 ? [error] : []));
    }
  };
  /** Removes the files in a folder. */
  const removeFiles = async (path: Buffer) => {
    const folders: Buffer[] = [];
    let files: Buffer[] = [];
    const flush = async () => {
      const batch = files;
      files = [];
      await Promise.all(batch.map(file => attempt(() => removeFile(file, path))));
    };
    // Names need not be text, and there may be more of them than a worker has memory for.
    const options = { encoding: 'buffer', bufferSize: FILES_AT_A_TIME } as unknown as { bufferSize: number };
    for await (const entry of await permitting(path, () => opendir(path, options))) {
      const inner = Buffer.concat([path, Buffer.from('/'), entry.name as unknown as Buffer]);
      (entry.isDirectory() ? folders : files).push(inner);
      if (files.length === FILES_AT_A_TIME) await flush();
      if (folders.length === MOST_FOLDERS) break;
    }
    await flush();
    return folders;
  };
  const empty = async (path: Buffer, isTop = false): Promise<void> => {
    for (;;) {
      const movedBefore = moved;
      const folders = await removeFiles(path);
      await lanes(folders, inner => attempt(() => removeTree(inner, path)));
      const isThereMore = folders.length === MOST_FOLDERS && problems.length === 0;
      if (!isThereMore && !(isTop && moved > movedBefore)) return;
    }
  };
  const removeTree = async (path: Buffer, parent: Buffer): Promise<void> => {
    if (await permitting(parent, () => isRemoved(path))) return;
    if (path.length > LONGEST_PATH) {
      moved += 1;
      const to = `${shorter}${moved}`;
      // A folder is written to when it gets another parent.
      await permitting(path, () => rename(path, to));
      return;
    }
    await empty(path);
    await rmdir(path);
  };

  await attempt(() => empty(Buffer.from(top), true));
  await attempt(() => rmdir(top));
  if (problems.length > 0) throw problems[0];
}

async function removeFile(file: Buffer, parent: Buffer): Promise<void> {
  await permitting(parent, () => unmounting(file, () => unlink(file))).catch(unlessMissing);
}

/** Gives itself the permission for what it does with a folder, over which nothing is mounted. */
async function permitting<T>(folder: Buffer, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isCode(error, 'EACCES')) throw error;
    await chmod(folder, 0o700);
    return act();
  }
}

function unlessMissing(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error;
}
