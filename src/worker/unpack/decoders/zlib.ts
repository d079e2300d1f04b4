import { addAbortSignal, Readable, pipeline, type Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import { corrupt, dataAfterEnd, truncated } from './damage.ts';

/**
 * Larger chunks cost fewer turns of the event loop. Even larger ones are mapped and unmapped by the system each
 * time.
 */
const CHUNK_BYTES = 128 * 1024;

/** A window of 128 MiB, which is zstd's default limit. It limits the memory that a file can demand. */
const MAX_ZSTD_WINDOW_LOG = 27;

const DECODERS = {
  br: () => createBrotliDecompress({ chunkSize: CHUNK_BYTES }),
  gz: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zst: () =>
    createZstdDecompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG },
    }),
  zz: () => createInflate({ chunkSize: CHUNK_BYTES }),
  deflate: () => createInflateRaw({ chunkSize: CHUNK_BYTES }),
};

/** The formats that Node itself decompresses, in its own threads. `deflate` is zlib without its frame. */
export type NodeFormat = keyof typeof DECODERS;

export function isNodeFormat(format: string): format is NodeFormat {
  return format in DECODERS;
}

/** Decompresses the formats that Node supports. */
export async function* decodedByNode(
  format: NodeFormat,
  pieces: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let given = 0;
  const counted = async function* () {
    for await (const piece of pieces) {
      given += piece.length;
      yield piece;
    }
  };
  const decoder: Transform & { readonly bytesWritten: number } = DECODERS[format]();
  // The decoder may read for a long time before it writes.
  if (signal) addAbortSignal(signal, decoder);
  let failure: unknown;
  // Errors arrive through the iteration below, which destroys everything when it is left.
  pipeline(Readable.from(counted(), { objectMode: true, highWaterMark: 1 }), decoder, error => {
    failure ??= error;
  });
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    throw reasonOf(format, failure ?? error);
  }
  // Node ignores data after the end of the content, except a further member of gz.
  if (decoder.bytesWritten < given) throw dataAfterEnd(format);
}

function reasonOf(format: NodeFormat, error: unknown): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || syscall !== undefined || !/^(Z_|ERR_|ZSTD_)/.test(code)) return error;
  if (code === 'Z_BUF_ERROR') return truncated(format);
  return corrupt(format, error.message, { cause: error });
}
