import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isCode } from './is-code.ts';

/**
 * Creates a folder, for this user only, and its parents.
 *
 * Node's own recursive mkdir loops for ever if an existing folder refuses with ENOENT, as /proc does. This
 * function walks down the path and tries each folder once.
 *
 * @throws Error of the system
 */
export async function makeFolders(folder: string): Promise<void> {
  const path = resolve(folder);
  if (await isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolders(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    // Somebody else may create the same folder at the same time.
    if (!(await isFolder(path))) throw refusal('EEXIST', 'a broken link is in its place', path);
  }
}

/** @returns false if nothing is there */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
  throw refusal('ENOTDIR', 'not a directory', path);
}

/** In the format of the system's errors. */
function refusal(code: string, words: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${words}, mkdir '${path}'`), { code, syscall: 'mkdir', path });
}
