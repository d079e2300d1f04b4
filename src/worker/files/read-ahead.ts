import type { FileHandle } from 'node:fs/promises';
import { TaskError } from '../outcome.ts';

/** One in use, one that was in use just before, and one that is being filled. */
const BUFFERS = 3;

/**
 * Yields the first bytes of an open file, piece by piece. The next piece is read while the present one is in
 * use.
 *
 * The memory is reused, because a large file would fill new memory faster than it is freed. Use a piece only
 * until you request the one after the next.
 *
 * @param size number of bytes
 * @param pieceBytes size of each piece, except the last one
 * @throws TaskError `task-failed` when the file has become shorter
 */
export async function* readAhead(
  handle: FileHandle,
  size: number,
  pieceBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const buffers: Buffer[] = [];
  let count = 0;
  const readAt = async (at: number): Promise<Buffer> => {
    const index = count++ % BUFFERS;
    const buffer = (buffers[index] ??= Buffer.allocUnsafeSlow(Math.min(pieceBytes, size - at)));
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) throw new TaskError('task-failed', 'a file became shorter while it was read');
    return buffer.subarray(0, bytesRead);
  };
  if (size === 0) return;
  let reading = readAt(0);
  try {
    for (let at = 0; at < size;) {
      const piece = await reading;
      at += piece.length;
      if (at < size) {
        reading = readAt(at);
        // The error is thrown when the piece is requested.
        reading.catch(() => undefined);
      }
      yield piece;
    }
  } finally {
    // The file may be closed as soon as this has ended.
    await reading.catch(() => undefined);
  }
}
