import { constants } from 'node:fs';
import { open, readdir, realpath, stat, statfs, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { shortageOf } from '../shortage.ts';
import { isBelow } from './is-below.ts';
import type { Opened, TaskFiles } from './task-files.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * The files of a task whose processes run as the worker's own user, and so may read what the worker may read. Links
 * are followed wherever they lead, as the task could follow them, but never into places that the kernel shows
 * differently to each process. There the worker would see its own files.
 */
export function hostFiles(home: string): TaskFiles {
  return {
    open: async path => {
      const file = resolve(home, path);
      if (!isAbsolute(path) && !isBelow(file, home)) return { kind: 'outside' };
      return openFile(file);
    },
    walk: path => walk(resolve(home, path)),
  };
}

/**
 * Yields everything in a directory at any depth except directories, in generic-worker's order. `readdir` can do
 * that too, but follows links to directories, in cycles and out of the run's folder.
 */
async function* walk(directory: string): AsyncGenerator<string, void, undefined> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(unlessShortage);
  if (!entries) {
    yield directory;
    return;
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

/** Ignores problems with a directory, but not problems with this machine. */
function unlessShortage(error: unknown): undefined {
  if (shortageOf(error) !== undefined) throw error;
}

/**
 * Opens a file of a run. Whatever a task puts there at any time, this does not wait for it, for example for a
 * pipe without a writer. The open file is examined again, when nothing can be put in its place any more.
 *
 * @throws Error when this machine has run out of a resource
 */
export async function openFile(path: string): Promise<Opened> {
  try {
    const file = await realpath(path);
    const status = await stat(file);
    if (!status.isFile() && !status.isDirectory()) return { kind: 'neither' };
    return await openedByWorker(await open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), file);
  } catch (error) {
    if (shortageOf(error) !== undefined) throw error;
    const missing = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
    return missing ? { kind: 'missing' } : { kind: 'unreadable', error: error as Error };
  }
}

/** Examines an open descriptor, and closes it unless it is a file. */
export async function openedByWorker(handle: FileHandle, file: string): Promise<Opened> {
  let opened: Opened | undefined;
  try {
    return (opened = await examined(handle, file));
  } finally {
    if (opened?.kind !== 'file') await handle.close();
  }
}

async function examined(handle: FileHandle, file: string): Promise<Opened> {
  if (await isOfKernel(handle)) return { kind: 'outside' };
  const status = await handle.stat();
  if (status.isFile()) return { kind: 'file', file, source: handle, size: status.size };
  return { kind: status.isDirectory() ? 'directory' : 'neither' };
}

/** statfs(2), linux/magic.h: procfs and sysfs. For the worker, `/proc/self` is the worker. */
const KERNEL_FILE_SYSTEMS = [0x9fa0, 0x62656572];

async function isOfKernel({ fd }: FileHandle): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const { type } = await statfs(`/proc/self/fd/${fd}`);
  return KERNEL_FILE_SYSTEMS.includes(type);
}
