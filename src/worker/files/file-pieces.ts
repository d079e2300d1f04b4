import type { FileHandle } from 'node:fs/promises';
import { TaskError } from '../outcome.ts';

/**
 * The first bytes of an open file, piece by piece. What grows meanwhile is not read, and who else reads through the same
 * descriptor does not matter.
 *
 * @param size in bytes, how many there are
 * @param nextBuffer the memory for each piece
 * @throws TaskError `task-failed` when the file has become shorter
 */
export async function* filePieces(
  handle: FileHandle,
  size: number,
  nextBuffer: () => Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < size;) {
    const buffer = nextBuffer();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) throw new TaskError('task-failed', 'a file became shorter while it was read');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Fills the beginning of a buffer with the bytes of an open file from a place on.
 *
 * @throws TaskError `task-failed` when the file has become shorter
 */
export async function fillFrom(
  handle: FileHandle,
  buffer: Buffer,
  length: number,
  at: number,
): Promise<void> {
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, at + filled);
    if (bytesRead === 0) throw new TaskError('task-failed', 'a file became shorter while it was read');
    filled += bytesRead;
  }
}
