import type { FileHandle } from 'node:fs/promises';
import { TaskError } from '../outcome.ts';

/** One that is worked on, one that was worked on just now, and one that is read. */
const BUFFERS = 3;

/**
 * The first bytes of an open file, piece by piece, of which the next one is read while somebody works on the present one.
 *
 * The memory is always the same, since a large file else fills new memory faster than it is freed. So a piece is only lent:
 * it may be used until the piece after the next one is asked for.
 *
 * @param size in bytes, how many there are
 * @param pieceBytes of each piece, but the last
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
        // Whoever asks for it hears of a failure.
        reading.catch(() => undefined);
      }
      yield piece;
    }
  } finally {
    // The file may be closed as soon as this has ended.
    await reading.catch(() => undefined);
  }
}
