import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode } from './is-code.ts';
import { makeFolders } from './make-folders.ts';
import { removeFolder } from './remove-folder.ts';

/** A run's folder, identified by more than its name, because a task may put another folder or a link in its place. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Creates a run's folder, which is new and empty. */
export async function makeRunFolder(path: string): Promise<RunFolder> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // An earlier worker left something with the same name, or a task removed the parent folder.
    if (isCode(error, 'EEXIST')) await removeFolder(path);
    else if (isCode(error, 'ENOENT')) await makeFolders(dirname(path));
    else throw error;
    await mkdir(path, { mode: 0o700 });
  }
  const { dev, ino } = await lstat(path, { bigint: true });
  return { path, dev, ino };
}

/**
 * Removes a run's folder with everything in it, but nothing that a task has mounted or put in its place.
 *
 * @throws Error when something cannot be removed
 */
export async function removeRunFolder(folder: RunFolder): Promise<void> {
  await removeFolder(folder.path, folder);
}
