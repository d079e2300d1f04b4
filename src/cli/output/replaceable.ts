import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const STICKY = 0o1000;
/** The right of everybody to write. */
const EVERYBODY = 0o002;

/**
 * Whether a task could replace what lies at a path: the file, or any folder on the way to it. A task of the native engine is
 * this process's user; one of the engine `user` is another, who can do what everybody can.
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

/** @param except a mode with which a folder keeps what others have put into it */
function isOurs(path: string, except = 0): boolean {
  try {
    const { uid, mode } = statSync(path);
    // An owner can always give itself the right.
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
