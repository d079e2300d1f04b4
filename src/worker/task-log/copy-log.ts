import type { FileHandle } from 'node:fs/promises';
import type { TaskLog } from './task-log.ts';

const PIECE_BYTES = 1024 * 1024;

/**
 * Copies the present content of a log into a file.
 *
 * @param target open for writing, and empty
 * @throws Error of the system, or the reason of the signal
 */
export async function copyLog(
  log: Pick<TaskLog, 'handle' | 'soFar'>,
  target: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  const { size, rest } = await log.soFar();
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size));
  let at = 0;
  while (at < size) {
    signal.throwIfAborted();
    const { bytesRead } = await log.handle.read(piece, 0, Math.min(piece.length, size - at), at);
    if (bytesRead === 0) throw new Error('the log became shorter while it was copied');
    await writeAll(target, piece.subarray(0, bytesRead), at);
    at += bytesRead;
  }
  await writeAll(target, rest, at);
}

async function writeAll(target: FileHandle, bytes: Buffer, start: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await target.write(bytes, done, bytes.length - done, start + done);
    done += bytesWritten;
  }
}
