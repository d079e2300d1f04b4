import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { isCode } from './is-code.ts';
import { removeFolder } from './remove-folder.ts';

/**
 * Makes a file of the worker's own, for reading and writing. Tasks can write where it lies: what they put under its name,
 * be it a pipe, a link or a folder, is never opened but removed, and the descriptor is what counts from then on.
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

/** Makes a file that has no name any more. Its room on the disk is free when it is closed, however the worker ends. */
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

/** Passes over a file that is gone already. */
export function unlessMissing(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error;
}
