import { chmod, lstat, stat } from 'node:fs/promises';
import { isCode } from './is-code.ts';
import { makeFolders } from './make-folders.ts';
import { namelessFile } from './new-file.ts';

/**
 * Creates the folder for the runs' folders, and checks that a file can be created in it. Other users must not
 * read what tasks write, so a new folder is for this user only.
 *
 * @throws Error of the system
 */
export async function readyTasksDir(tasksDir: string): Promise<void> {
  await makeFolders(tasksDir);
  try {
    await probe(tasksDir);
  } catch (error) {
    if (!isCode(error, 'EACCES')) throw error;
    // A task may have removed the permissions. The owner can restore them.
    await chmod(tasksDir, (await stat(tasksDir)).mode | 0o700);
    await probe(tasksDir);
  }
}

/** Restricts a folder to this user, if it exists and belongs to this user. */
export async function closeToOthers(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) return;
  if ((found.mode & 0o077) !== 0) await chmod(folder, found.mode & 0o7700);
}

async function probe(tasksDir: string): Promise<void> {
  const handle = await namelessFile(`${tasksDir}/.tcw-can-write`);
  await handle.close();
}
