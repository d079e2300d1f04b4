import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { filePieces } from '../../files/file-pieces.ts';
import { isCode } from '../../files/is-code.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const READ_BYTES = 1024 * 1024;
/** Longer than a tick of the clock for the kernel's file times (at most 10 ms). */
const TICK_MS = 20;

/**
 * Identifies unchanged content of a file. The kernel sets the time of the last change (ctime), and no writer
 * can set it back.
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
 * Returns the stamp of a file that is about to be hashed. Whoever changes the file from now on also changes its
 * stamp, even twice within one tick of the kernel's clock, and through memory that is mapped to the file. For
 * such memory, the kernel records the time only at the first change after a page was written to disk. (A file
 * system in memory never records it.)
 */
export async function stampToHash(handle: FileHandle): Promise<Stamp> {
  const found = await stampOf(handle);
  const ageMs = Date.now() - Number(found.ctimeNs / 1_000_000n);
  if (Math.abs(ageMs) < TICK_MS) await sleep(TICK_MS);
  await handle.datasync().catch((error: unknown) => {
    // Some file systems cannot do this, and a read-only one has nothing to write.
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
 * Opens the file of a download for reading. A task may have put anything in its place.
 *
 * @returns undefined if there is no readable file
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

/** @returns the SHA-256 of an open file, in hexadecimal */
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
