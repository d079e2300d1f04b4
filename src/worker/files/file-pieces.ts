import type { FileHandle } from 'node:fs/promises';
import { TaskError } from '../outcome.ts';

/**
 * Yields the first bytes of an open file, piece by piece. Bytes that are added meanwhile are not read. Other
 * readers of the same descriptor do no harm.
 *
 * @param size number of bytes
 * @param nextBuffer provides the memory for each piece
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
 * Fills the beginning of a buffer with bytes of an open file.
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
