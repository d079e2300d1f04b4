import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { filePieces } from '../../files/file-pieces.ts';
import { isCode } from '../../files/is-code.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const READ_BYTES = 1024 * 1024;
/** Longer than a tick of the clock of which the kernel takes the times of files (10 ms at most). */
const TICK_MS = 20;

/**
 * By which the content of a file is known to be unchanged. The time of the last change (ctime) is the kernel's: whoever
 * writes to the file cannot set it back.
 */
export interface Stamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly ctimeNs: bigint;
}

export async function stampOf(handle: FileHandle): Promise<Stamp> {
  const { dev, ino, size, ctimeNs } = await handle.stat({ bigint: true });
  return { dev, ino, size, ctimeNs };
}

/**
 * The stamp of a file that is hashed next. Whoever changes the file from now on changes its stamp, too: also twice in
 * one tick of the kernel's clock, and through memory that is mapped to the file, where the kernel notes the time only with
 * the first change after a page was written to the disk. (A file system in memory never notes that.)
 */
export async function stampToHash(handle: FileHandle): Promise<Stamp> {
  const found = await stampOf(handle);
  const ageMs = Date.now() - Number(found.ctimeNs / 1_000_000n);
  if (Math.abs(ageMs) < TICK_MS) await sleep(TICK_MS);
  await handle.datasync().catch((error: unknown) => {
    // Not every file system can, and one that is read only has nothing to write.
    if (!isCode(error, 'EINVAL', 'ENOTSUP', 'EROFS')) throw error;
  });
  return found;
}

export function isSame(one: Stamp, other: Stamp): boolean {
  return (
    one.dev === other.dev && one.ino === other.ino && one.size === other.size && one.ctimeNs === other.ctimeNs
  );
}

/**
 * Opens the file of a download for reading: a task may have put anything in its place.
 *
 * @returns undefined where there is no file that can be read
 */
export async function openDownload(file: string): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  let isFile = false;
  try {
    handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    isFile = (await handle.stat()).isFile();
    return isFile ? handle : undefined;
  } catch (error) {
    if (['EMFILE', 'ENFILE', 'ENOMEM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  } finally {
    if (!isFile) await handle?.close();
  }
}

/** @returns the SHA-256 of an open file, hexadecimal */
export async function sha256Of(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const { size } = await handle.stat();
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for await (const piece of filePieces(handle, size, () => buffer)) {
    signal.throwIfAborted();
    hash.update(piece);
  }
  return hash.digest('hex');
}
