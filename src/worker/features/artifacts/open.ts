import { constants } from 'node:fs';
import { lstat, open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';
import { realRunFolder, type RunFolder } from '../../files/run-folder.ts';
import { shortageOf } from '../../shortage.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What lies at a path that a task has in its hands. */
export type Opened = OpenedFile | { readonly kind: 'directory' } | NotOpened;

export interface OpenedFile {
  readonly kind: 'file';
  /** Where it really lies. */
  readonly file: string;
  /** To be closed by whoever gets it. */
  readonly handle: FileHandle;
  readonly size: number;
}

export type NotOpened =
  | { readonly kind: 'missing' | 'outside' | 'neither' }
  | { readonly kind: 'unreadable'; readonly error: Error };

/**
 * Opens a file of a run. Links are followed, but not out of the run's folder: the worker reads with rights that the task
 * may not have. Whatever a task puts there, and when, this does not wait for it, as for a pipe that nobody writes into; and
 * what is open in the end is a file inside, which is looked at once more when nothing can be put in its place.
 *
 * @throws Error when this machine has run out of something
 */
export async function openInside(path: string, folder: RunFolder): Promise<Opened> {
  try {
    const file = await realpath(path);
    if (!(await isInside(file, folder))) return { kind: 'outside' };
    const status = await stat(file);
    if (!status.isFile() && !status.isDirectory()) return { kind: 'neither' };
    const handle = await open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    let opened: Opened | undefined;
    try {
      return (opened = await lookedAt(handle, file, folder));
    } finally {
      if (opened?.kind !== 'file') await handle.close();
    }
  } catch (error) {
    if (shortageOf(error) !== undefined) throw error;
    const missing = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
    return missing ? { kind: 'missing' } : { kind: 'unreadable', error: error as Error };
  }
}

async function lookedAt(handle: FileHandle, file: string, folder: RunFolder): Promise<Opened> {
  const place = await placeOf(handle, file);
  if (place === undefined || !(await isInside(place, folder))) return { kind: 'outside' };
  const status = await handle.stat();
  if (status.isFile()) return { kind: 'file', file, handle, size: status.size };
  return { kind: status.isDirectory() ? 'directory' : 'neither' };
}

async function isInside(file: string, folder: RunFolder): Promise<boolean> {
  const home = await realRunFolder(folder);
  return home !== undefined && (file === home || file.startsWith(home + sep));
}

/** Where a file lies that is open. Linux tells; elsewhere it has to be found again where it was. */
async function placeOf(handle: FileHandle, file: string): Promise<string | undefined> {
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`);
  } catch {
    const [place, opened] = [await realpath(file), await handle.stat({ bigint: true })];
    const found = await lstat(place, { bigint: true });
    return found.dev === opened.dev && found.ino === opened.ino ? place : undefined;
  }
}
