import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { isCode } from './is-code.ts';
import { removeFolder } from './remove-folder.ts';

/**
 * Creates a file of the worker, for reading and writing, in a place where tasks can write. Anything that a task
 * has put there, such as a pipe, a link or a folder, is removed without being opened. From then on only the
 * descriptor counts.
 */
export async function newFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx+', 0o600);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    await removeFolder(file);
    return open(file, 'wx+', 0o600);
  }
}

/** Creates a file without a name. Its disk space is freed when it is closed, even if the worker crashes. */
export async function namelessFile(beside: string): Promise<FileHandle> {
  const file = `${beside}.${randomBytes(8).toString('hex')}.tmp`;
  const handle = await newFile(file);
  try {
    await unlink(file).catch(unlessMissing);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Ignores a file that is already gone. */
export function unlessMissing(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error;
}
