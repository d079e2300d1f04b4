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
 * Reads a small file of the worker in a place where tasks can write. The worker does not wait for anything that
 * a task puts there, does not follow links, and reads no more than it would have written itself.
 *
 * @returns undefined if there is nothing, or something other than a readable file of this user
 */
export function readOwnFile(file: string, maxBytes: number): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || found.uid !== process.getuid?.()) return undefined;
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString('latin1', 0, readSync(descriptor, buffer));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Writes a small file in a place where tasks can write. If the worker crashes, the file has either the old or
 * the new text. Anything that a task has put there is replaced, not written to.
 *
 * @throws Error of the system, for example when the task has put a folder there
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

/** The same, without blocking the worker's other tasks. */
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
