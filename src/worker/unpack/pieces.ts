import { read } from 'node:fs';
import { promisify } from 'node:util';

const PIECE_BYTES = 256 * 1024;

const readAt = promisify(read);

/**
 * Yields the bytes of an open file, piece by piece, by position, so others may read through the same
 * descriptor. Each piece has its own memory.
 *
 * @param start the first byte
 * @param length number of bytes, if the file has that many; by default all
 */
export async function* piecesOf(
  descriptor: number,
  start = 0,
  length = Infinity,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = start, left = length; left > 0;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, left));
    const { bytesRead } = await readAt(descriptor, buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
