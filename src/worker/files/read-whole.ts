import { fillFrom } from './file-pieces.ts';
import { isStream, type FileSource } from './file-source.ts';
import { streamPieces } from './stream-pieces.ts';

/**
 * Returns the first bytes of a small file.
 *
 * @param size number of bytes; for a stream, all of them
 * @throws TaskError `task-failed` when there are fewer, StreamFailed, or the signal's reason
 */
export async function readWhole(source: FileSource, size: number, signal: AbortSignal): Promise<Buffer> {
  if (Buffer.isBuffer(source)) return source;
  if (isStream(source)) {
    const pieces: Buffer[] = [];
    for await (const piece of streamPieces(source, size, signal)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  const whole = Buffer.allocUnsafe(size);
  await fillFrom(source, whole, size, 0);
  return whole;
}
