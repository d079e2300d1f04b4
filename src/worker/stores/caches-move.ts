import { chmod, lstat, rename } from 'node:fs/promises';
import { isCode } from '../files/is-code.ts';
import type { FolderIdentity } from '../files/remove-folder.ts';
import { unmounting } from '../files/unmount.ts';
import { copyFolder, type Copied } from './caches-copy.ts';
import { sizeText } from './size-text.ts';

/** How often a copy writes its progress to the log, in ms. */
const PROGRESS_MS = 10_000;

/** Something else is where a cache was: a task has removed or replaced it. */
export class CacheReplaced extends Error {
  override readonly name = 'CacheReplaced';
}

/** The identity of a directory until the machine restarts. */
export type Identity = Required<FolderIdentity>;

export interface MoveOptions {
  /** Called with the progress of a copy. */
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
  readonly progressMs?: number;
}

/**
 * Moves the directory of a cache, by rename or, if the target is on another file system, by copying. A copy
 * leaves the source where it is.
 *
 * @param made the directory to move
 * @param to does not exist, in a folder that exists
 * @returns the directory that is now at `to`, and whether it is a copy
 * @throws CacheReplaced when another directory or a link is at `from`; Error of the system; the reason of the
 *   signal
 */
export async function moveCache(
  from: string,
  to: string,
  made: Identity,
  options: MoveOptions,
): Promise<{ readonly identity: Identity; readonly isCopy: boolean }> {
  options.signal.throwIfAborted();
  if (!isSame(await identityOf(from), made)) throw new CacheReplaced(`${from} is not the cache`);
  /** An error because the cache is gone is not the machine's fault. */
  const unlessGone = async (error: unknown) => {
    if (isSame(await identityOf(from), made)) return error;
    return new CacheReplaced(`${from} is not the cache`, { cause: error });
  };
  try {
    await renamed(from, to);
  } catch (error) {
    if (!isCode(error, 'EXDEV')) throw await unlessGone(error);
    try {
      await copied(from, to, options);
    } catch (error) {
      options.signal.throwIfAborted();
      throw await unlessGone(error);
    }
    await makeUsable(to);
    const identity = await identityOf(to);
    if (!identity) throw new CacheReplaced(`${to} was removed`);
    return { identity, isCopy: true };
  }
  // Another task may have replaced it between the check and the rename.
  if (!isSame(await identityOf(to), made)) throw new CacheReplaced(`${to} is not the cache`);
  return { identity: made, isCopy: false };
}

/** Returns the identity of the directory at a path, or undefined. Links are not followed. */
export async function identityOf(path: string): Promise<Identity | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    return found.isDirectory() ? { dev: found.dev, ino: found.ino } : undefined;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

export function isSame(found: Identity | undefined, made: Identity): boolean {
  return found?.dev === made.dev && found.ino === made.ino;
}

/** A rename writes to the directory itself, because its parent changes. Its owner needs permission for that. */
async function renamed(from: string, to: string): Promise<void> {
  const move = () => unmounting(from, () => rename(from, to));
  try {
    await move();
  } catch (error) {
    if (!isCode(error, 'EACCES')) throw error;
    await makeUsable(from);
    await move();
  }
}

/** A task may have removed the permissions of its own cache. The next task gets them back. */
async function makeUsable(directory: string): Promise<void> {
  const { mode } = await lstat(directory);
  if ((mode & 0o700) !== 0o700) await chmod(directory, (mode & 0o7777) | 0o700);
}

async function copied(
  from: string,
  to: string,
  { onProgress, signal, progressMs = PROGRESS_MS }: MoveOptions,
): Promise<void> {
  onProgress(`Copying ${from} to ${to}, since they are on different file systems`);
  const counts: Copied = { files: 0, bytes: 0, leftOut: 0 };
  const soFar = () => `${counts.files} files with ${sizeText(counts.bytes)}`;
  const startedAt = performance.now();
  const progress = setInterval(() => {
    onProgress(`Copied ${soFar()} so far`);
  }, progressMs);
  try {
    await copyFolder(from, to, signal, counts);
  } finally {
    clearInterval(progress);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const leftOut = counts.leftOut > 0 ? `, without ${counts.leftOut} pipes, sockets or devices` : '';
  onProgress(`Copied ${soFar()} in ${seconds} s${leftOut}`);
}
