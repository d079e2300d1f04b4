import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { unlessAborted } from '../../base/index.ts';
import { decoded, isElsewhere } from './decoders/decoded.ts';
import type { Compression } from './formats.ts';
import { openSource } from './open-source.ts';
import { piecesOf } from './pieces.ts';
import { chunksOfThread } from './thread/chunks.ts';
import { outside } from './unpack-error.ts';

/**
 * Returns the content of a compressed file as a stream, which reads only as fast as it is read. Concatenated
 * members (gz, bz2, xz, zst, lz, lz4, sz) are one content.
 *
 * The stream fails with UnpackError when the file is truncated, corrupt or in another format, or when this
 * machine lacks the program for the format; with the reason of the signal when that is aborted; and with an
 * error of the system. Framed snappy and LZ4's legacy frames have no end mark, so a cut between two blocks goes
 * unnoticed. The length of the content is not limited: whoever writes it must watch the disk.
 *
 * @param source a path, or an open file, which is read from its start whatever its position is, and not closed
 */
export function decompressed(
  source: FileHandle | string,
  format: Compression,
  options: { readonly signal: AbortSignal },
): Readable {
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  const stream = Readable.from(content(source, format, signal), { objectMode: false });
  // A reader that leaves does not wait for a program either. The stream's end waits for its source.
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done) => {
    left.abort(error ?? new Error('the output is no longer read'));
    destroy(error, done);
  };
  return stream;
}

async function* content(
  file: FileHandle | string,
  format: Compression,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  signal.throwIfAborted();
  await using source = await openSource(file);
  const { descriptor } = source;
  try {
    // Node and other programs decompress outside the worker's main thread.
    if (isElsewhere(format)) yield* untilAborted(decoded(format, piecesOf(descriptor), { signal }), signal);
    else yield* chunksOfThread({ kind: 'decompress', format, descriptor }, signal);
  } catch (error) {
    throw outside(error);
  }
}

/** @param things must end soon after the signal is aborted, because they have it, too */
async function* untilAborted<T>(
  things: AsyncGenerator<T, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  try {
    for (;;) {
      const next = await unlessAborted(things.next(), signal);
      signal.throwIfAborted();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await things.return(undefined);
  }
}
