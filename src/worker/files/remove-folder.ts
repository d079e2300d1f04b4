import { randomBytes } from 'node:crypto';
import { chmod, lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { isCode } from './is-code.ts';
import { limitedConcurrency } from './limited-concurrency.ts';
import { unmounting } from './unmount.ts';

/** Number of files that are removed at a time. */
const FILES_AT_A_TIME = 32;
/** Number of folders that are processed at a time. */
const LANES = 8;
/** Limit for the names of subfolders of one folder that are kept in memory. */
const MAX_FOLDERS = 10_000;
/** Longer paths (bytes) are shortened before they exceed PATH_MAX, 4,096 bytes on Linux. */
const LONGEST_PATH = 3_000;

/** The identity of a folder. */
export interface FolderIdentity {
  readonly dev?: bigint;
  readonly ino: bigint;
}

/**
 * Removes a folder with everything in it, or anything else at its path. It follows no link, and never enters a
 * mount: it unmounts it or leaves it. A task may have removed its own right to write to a folder, and so the
 * worker's right. It may also have nested folders beyond the longest path. Whatever cannot be removed does not
 * prevent the rest from being removed.
 *
 * @param made the folder that was created. Another folder in its place is left alone
 * @throws Error with the first thing that could not be removed
 */
export async function removeFolder(folder: string, made?: FolderIdentity): Promise<void> {
  // Many tasks leave it empty. Then this is one system call instead of six.
  if (await isRemoved(folder)) return;
  const found = await lstat(folder, { bigint: true });
  if (!found.isDirectory()) return unmounting(folder, () => unlink(folder)).catch(unlessMissing);
  const { dev = found.dev, ino } = made ?? found;
  if (found.dev !== dev || found.ino !== ino) {
    throw new Error(
      `${folder} is not the folder that was created for the run; look at it, and remove it by hand`,
    );
  }
  await takeApart(folder);
}

/**
 * Removes a folder if it is empty. For any other folder, this shows whether something is mounted on it: the
 * kernel returns EBUSY before it checks whether the folder is empty.
 */
async function isRemoved(folder: string | Buffer): Promise<boolean> {
  try {
    await unmounting(folder, () => rmdir(folder));
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return true;
    // The codes for something that is not a folder, and for a folder that is not empty.
    if (isCode(error, 'ENOTDIR', 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

async function takeApart(top: string): Promise<void> {
  const problems: unknown[] = [];
  const lanes = limitedConcurrency(LANES);
  let moved = 0;
  // Names that somebody else adds meanwhile differ from this one. Otherwise the loop might never end.
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
    // Names need not be text, and there may be more of them than fit into memory.
    const options = { encoding: 'buffer', bufferSize: FILES_AT_A_TIME } as unknown as { bufferSize: number };
    for await (const entry of await permitting(path, () => opendir(path, options))) {
      const inner = Buffer.concat([path, Buffer.from('/'), entry.name as unknown as Buffer]);
      (entry.isDirectory() ? folders : files).push(inner);
      if (files.length === FILES_AT_A_TIME) await flush();
      if (folders.length === MAX_FOLDERS) break;
    }
    await flush();
    return folders;
  };
  const empty = async (path: Buffer, isTop = false): Promise<void> => {
    for (;;) {
      const movedBefore = moved;
      const folders = await removeFiles(path);
      await lanes(folders, inner => attempt(() => removeTree(inner, path)));
      const isThereMore = folders.length === MAX_FOLDERS && problems.length === 0;
      if (!isThereMore && !(isTop && moved > movedBefore)) return;
    }
  };
  const removeTree = async (path: Buffer, parent: Buffer): Promise<void> => {
    if (await permitting(parent, () => isRemoved(path))) return;
    if (path.length > LONGEST_PATH) {
      moved += 1;
      const to = `${shorter}${moved}`;
      // A rename writes to the folder itself, because its parent changes.
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

/** Adds the permission for an operation on a folder on which nothing is mounted. */
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
