import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { removeFolder, type FolderIdentity } from '../files/remove-folder.ts';

const NAME = /^gone-[\w-]{22}$/;

/** Whether a name in the folder of caches belongs to a discarded directory. */
export function isTrashName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Moves a directory out of the way at once, and then removes it. Settles when it is removed, or when that has
 * failed and was reported.
 */
export type Discard = (path: string, made?: FolderIdentity) => Promise<void>;

/** Removes discarded directories in the background, because removing millions of files takes long. */
export interface Trash {
  /**
   * Moves something out of the way at once, and then removes it. Follows no link.
   *
   * @param made the folder that was created. Another folder in its place is not taken apart
   * @returns settles when it is removed
   */
  discard(path: string, made?: FolderIdentity): Promise<void>;
  /** Settles when everything is removed or could not be removed. */
  emptied(): Promise<void>;
}

/**
 * @param folder on the same file system. Until a discarded directory is removed, it has a temporary name in
 *   this folder
 */
export function trash(folder: string): Trash {
  const removals = new Set<Promise<void>>();
  const removed = async (path: string, made?: FolderIdentity) => {
    const gone = `${folder}/gone-${randomBytes(16).toString('base64url')}`;
    const moved = await rename(path, gone).then(
      () => gone,
      () => path,
    );
    await removeFolder(moved, made);
  };
  return {
    discard: (path, made) => {
      const removal = removed(path, made);
      removals.add(removal);
      const done = () => removals.delete(removal);
      removal.then(done, done);
      return removal;
    },
    emptied: async () => {
      await Promise.allSettled(removals);
    },
  };
}
