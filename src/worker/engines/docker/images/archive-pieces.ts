import { addAbortSignal, type Readable } from 'node:stream';
import { decoded } from '../../../unpack/decoders/decoded.ts';
import type { Compression } from '../../../unpack/formats.ts';

/** First bytes of the formats, in hexadecimal. */
const BEGINNINGS: readonly (readonly [RegExp, Compression])[] = [
  [/^28b52ffd/, 'zst'],
  // A skippable frame. LZ4 has the same, but files that begin with one are zstd's in practice.
  [/^5[0-9a-f]2a4d18/, 'zst'],
  [/^(04|02|03)224d18|^02214c18/, 'lz4'],
  [/^1f8b/, 'gz'],
  [/^425a68/, 'bz2'],
  [/^fd377a585a00/, 'xz'],
];
const BEGINNING_BYTES = 6;

/**
 * The bytes of an archive, decompressed if needed. The format is detected from the first bytes, not from the name.
 *
 * @throws UnpackFault, or the reason of the signal
 */
export async function* archivePieces(
  source: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  // A reader may be waiting for a piece that never comes.
  addAbortSignal(signal, source);
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    const first: Buffer[] = [];
    for (let length = 0; length < BEGINNING_BYTES;) {
      const next = await pieces.next();
      if (next.done === true) break;
      first.push(next.value);
      length += next.value.length;
    }
    const head = Buffer.concat(first);
    const all = whole(head, pieces);
    const hex = head.toString('hex', 0, BEGINNING_BYTES);
    const format = BEGINNINGS.find(([pattern]) => pattern.test(hex))?.[1];
    for await (const piece of format === undefined ? all : decoded(format, all, { signal })) {
      signal.throwIfAborted();
      yield piece;
    }
  } finally {
    source.destroy();
  }
}

async function* whole(head: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
}
