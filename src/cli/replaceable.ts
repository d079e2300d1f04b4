import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const STICKY = 0o1000;

/**
 * Whether this process's user could replace what lies at a path: the file, or any folder on the way to it. A task of the
 * native engine is the same user, and could do so too.
 */
export function isReplaceable(path: string): boolean {
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
function isWritable(path: string, except = 0): boolean {
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
