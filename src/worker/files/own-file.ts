import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Reads a small file that the worker has written where tasks can write. Nothing that a task puts there is waited for,
 * followed, or read further than the worker itself would have written.
 *
 * @returns undefined when there is nothing, or something else than a file of this user, or an unreadable one
 */
export function readOwnFile(file: string, mostBytes: number): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || found.uid !== process.getuid?.()) return undefined;
    const buffer = Buffer.alloc(mostBytes);
    return buffer.toString('latin1', 0, readSync(descriptor, buffer));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Writes a small file where tasks can write. Its text is the old or the new one, whenever the worker dies; what a task has
 * put there is replaced, not written to.
 *
 * @throws Error of the system, for one when the task has put a folder there
 */
export function replaceOwnFile(file: string, text: string): void {
  const next = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** The same, without keeping the worker's other tasks waiting. */
export async function replaceOwnFileLater(file: string, text: string): Promise<void> {
  const next = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(next, text, { mode: 0o600, flag: 'wx' });
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}
