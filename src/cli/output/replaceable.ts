import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const STICKY = 0o1000;
/** The permission for every user to write. */
const EVERYBODY = 0o002;

/**
 * Whether a task could replace the file at a path or any folder above it. Tasks of the `native` engine run as the user
 * of this process. Tasks of the `user` engine run as another user, who has the permissions of everyone.
 */
export function isReplaceable(path: string, task: 'this-user' | 'another' = 'this-user'): boolean {
  const isWritable = task === 'another' ? isOpenToAll : isOurs;
  return [path, real(path)].some(
    start => isWritable(start) || foldersAbove(start).some(folder => isWritable(folder, STICKY)),
  );
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function foldersAbove(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersAbove(folder)];
}

/** @param except a mode bit that protects files of other users in a folder */
function isOurs(path: string, except = 0): boolean {
  try {
    const { uid, mode } = statSync(path);
    // The owner can always grant itself the permission.
    if (uid === process.getuid?.()) return true;
    accessSync(path, constants.W_OK);
    return (mode & except) === 0;
  } catch {
    return false;
  }
}

/** @param except as above */
function isOpenToAll(path: string, except = 0): boolean {
  try {
    const { mode } = statSync(path);
    return (mode & EVERYBODY) !== 0 && (mode & except) === 0;
  } catch {
    return false;
  }
}
