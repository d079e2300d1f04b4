import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode } from './is-code.ts';
import { makeFolders } from './make-folders.ts';
import { removeFolder } from './remove-folder.ts';

/** A run's folder, known by more than its name: a task may put another, or a link, in its place. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Makes a run's folder, which is new and empty. */
export async function makeRunFolder(path: string): Promise<RunFolder> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // An earlier life of this worker left something behind under the same name, or a task removed what it lies in.
    if (isCode(error, 'EEXIST')) await removeFolder(path);
    else if (isCode(error, 'ENOENT')) await makeFolders(dirname(path));
    else throw error;
    await mkdir(path, { mode: 0o700 });
  }
  const { dev, ino } = await lstat(path, { bigint: true });
  return { path, dev, ino };
}

/**
 * Removes a run's folder with all that is in it, but nothing that a task has mounted or put in its place.
 *
 * @throws Error when something stays
 */
export async function removeRunFolder(folder: RunFolder): Promise<void> {
  await removeFolder(folder.path, folder);
}
