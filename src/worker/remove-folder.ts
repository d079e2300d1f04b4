import { randomBytes } from 'node:crypto';
import { chmod, lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';

/** How many entries of one folder are removed at a time. */
const AT_A_TIME = 32;

/**
 * Removes a run's folder with all that is in it, and follows no link. A task may have taken away its own right to write
 * into a folder, and with it ours; and it may have gone deeper than a path can be long (PATH_MAX, 4,096 bytes on Linux).
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
  } catch (error) {
    if (!(await lstat(folder)).isDirectory()) throw error;
    await takeApart(folder);
  }
}

/**
 * Removes a folder from its top: a folder in a folder in it is moved up to the top before it is looked into, so that no
 * path is ever long, and each may be written to first. No program of every machine does as much: that of busybox does
 * not remove what is deep.
 */
async function takeApart(folder: string): Promise<void> {
  const prefix = randomBytes(8).toString('hex');
  let moved = 0;
  const remove = async ({ path, isFolder }: Entry) => {
    if (!isFolder) return unlink(path);
    await forEach(await list(path), async inner => {
      if (!inner.isFolder) return unlink(inner.path);
      // A folder that goes elsewhere is written to: its parent is another.
      await chmod(inner.path, 0o700);
      moved += 1;
      await rename(inner.path, `${folder}/${prefix}-${moved}`);
    });
    await rmdir(path);
  };
  for (let entries = await list(folder); entries.length > 0;) {
    await forEach(entries, remove);
    // Of what somebody else may add meanwhile there could be no end.
    entries = (await list(folder)).filter(({ name }) => name.startsWith(prefix));
  }
  await rmdir(folder);
}

interface Entry {
  readonly name: string;
  /** Bytes, since names need not be text. */
  readonly path: Buffer;
  readonly isFolder: boolean;
}

/** What is in a folder, which then may be changed. */
async function list(folder: string | Buffer): Promise<Entry[]> {
  await chmod(folder, 0o700);
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  return entries.map(entry => ({
    name: entry.name.toString('latin1'),
    path: Buffer.concat([Buffer.from(folder), Buffer.from('/'), entry.name]),
    isFolder: entry.isDirectory(),
  }));
}

async function forEach(entries: readonly Entry[], act: (entry: Entry) => Promise<void>): Promise<void> {
  for (let at = 0; at < entries.length; at += AT_A_TIME) {
    await Promise.all(entries.slice(at, at + AT_A_TIME).map(act));
  }
}
