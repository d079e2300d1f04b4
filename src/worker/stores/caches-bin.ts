import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { removeFolder, type FolderIdentity } from '../files/remove-folder.ts';

const NAME = /^gone-[\w-]{22}$/;

/** Whether a name in the folder of caches is that of something thrown away. */
export function isThrownAway(name: string): boolean {
  return NAME.test(name);
}

/** Takes a directory out of the way at once, and removes it then. Settles when it is removed, or when that failed, which is told. */
export type ThrowAway = (path: string, made?: FolderIdentity) => Promise<void>;

/** Removes what is not wanted any more. To remove millions of files takes long, and nobody has to wait for it. */
export interface Bin {
  /**
   * Takes something out of the way at once, and removes it then. Follows no link.
   *
   * @param made the folder that was made: another folder in its place is not taken apart
   * @returns settles when it is removed
   */
  throwAway(path: string, made?: FolderIdentity): Promise<void>;
  /** Settles when all is removed, or could not be. */
  emptied(): Promise<void>;
}

/** @param folder on the file system of what is thrown away; a name in it is all that is left of that until it is removed */
export function bin(folder: string): Bin {
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
    throwAway: (path, made) => {
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
