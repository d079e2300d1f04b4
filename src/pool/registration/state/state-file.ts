import { constants } from 'node:fs';
import { lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** Size limit in bytes, far above the size of any registration. */
const LARGEST = 32 * 1024 * 1024;
/** Enough space for a registration without files, in bytes. */
const RESERVED = 64 * 1024;
const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_READ = 0o044;

export type ReadFile =
  | { readonly kind: 'none' }
  /** `wasReadable`: other users could read the file until now. */
  | { readonly kind: 'text'; readonly text: string; readonly wasReadable: boolean }
  /** The worker cannot read the file or must not trust it. `problem` follows the name of the file in messages. */
  | { readonly kind: 'unusable'; readonly problem: string };

/**
 * Reads a private file of this user. A symbolic link, another user's file, and a file that others may write are not
 * trusted, because their credentials could be anyone's. If other users can only read the file, their permission is
 * removed.
 */
export async function readPrivateFile(path: string): Promise<ReadFile> {
  try {
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const found = await file.stat();
    const problem = problemOf(found, found.isFile());
    if (problem !== undefined) return { kind: 'unusable', problem };
    const wasReadable = isPosix && (found.mode & OTHERS_MAY_READ) !== 0;
    if (wasReadable) await file.chmod(0o600);
    return { kind: 'text', text: await file.readFile('utf8'), wasReadable };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'none' };
    return {
      kind: 'unusable',
      problem: code === 'ELOOP' ? 'is a symbolic link' : `cannot be read: ${message}`,
    };
  }
}

const isPosix = process.platform !== 'win32';

interface Found {
  readonly mode: number;
  readonly uid: number;
  readonly size: number;
}

function problemOf({ mode, uid, size }: Found, isFile: boolean): string | undefined {
  if (!isFile) return 'is not a regular file';
  if (size > LARGEST) return 'is larger than 32 MB';
  if (!isPosix) return undefined;
  if (uid !== process.getuid?.()) return `belongs to user ${uid}, not to the user of the worker`;
  return (mode & OTHERS_MAY_WRITE) !== 0 ? 'can be written by other users' : undefined;
}

/** The next content of a private file. Disk space is reserved for it, and it is invisible until it is complete. */
export interface Replacement extends AsyncDisposable {
  /** Replaces the file's content with `text`. Afterwards it survives a power loss. @throws a system error */
  commit(text: string): Promise<void>;
}

/**
 * Prepares the next content of a private file. Call this before requesting that content: an answer that comes only once
 * must not meet a full disk or a folder that cannot be written.
 *
 * @throws a system error
 */
export async function replacementOf(path: string): Promise<Replacement> {
  const next = `${path}.new`;
  // Remove what a crash left, or whatever else is in the way.
  await rm(next, { force: true });
  const file = await open(next, 'wx', 0o600);
  let isCommitted = false;
  /** False if another worker has removed this file to write its own. */
  const isOurs = async () => {
    const [ours, found] = await Promise.all([file.stat(), lstat(next).catch(() => undefined)]);
    return found?.ino === ours.ino;
  };
  const replacement: Replacement = {
    commit: async text => {
      const bytes = Buffer.from(text);
      await writeAll(file, bytes);
      await file.truncate(bytes.length);
      await file.sync();
      if (!(await isOurs())) throw new Error('another process writes to the same file');
      await rename(next, path);
      isCommitted = true;
      await syncFolder(dirname(path));
    },
    [Symbol.asyncDispose]: async () => {
      const isLeft = !isCommitted && (await isOurs());
      await file.close();
      if (isLeft) await rm(next, { force: true });
    },
  };
  try {
    await file.write(Buffer.alloc(RESERVED));
    await file.sync();
    return replacement;
  } catch (error) {
    await replacement[Symbol.asyncDispose]();
    throw error;
  }
}

/** When a disk becomes full, a write is only partial at first, and the next write fails. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, done);
    done += bytesWritten;
  }
}

/** A rename is only on disk once the folder has been synced. */
async function syncFolder(path: string): Promise<void> {
  if (!isPosix) return;
  await using folder = await open(path, O_RDONLY | O_DIRECTORY);
  await folder.sync();
}
