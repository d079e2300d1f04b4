import { chmod, lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes a run's folder with all that is in it, and follows no link. A task may have taken away its own right to write
 * into a folder, and with it ours.
 */
export async function removeFolder(folder: string): Promise<void> {
  try {
    // Many a task leaves nothing in it, and this is one call of the system instead of six.
    await rmdir(folder);
  } catch {
    await removeTree(folder);
  }
}

async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await makeWritable(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeWritable(folder: string): Promise<void> {
  if (!(await lstat(folder)).isDirectory()) return;
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}
