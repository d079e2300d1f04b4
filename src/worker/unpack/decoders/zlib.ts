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

/** Larger chunks cost fewer turns of the event loop; those that are larger yet are mapped and unmapped by the system each. */
const CHUNK_BYTES = 128 * 1024;

/** A window of 128 MiB, zstd's own limit unless asked for more. It bounds the memory that a file can ask for. */
const MOST_ZSTD_WINDOW_LOG = 27;

const DECODERS = {
  br: () => createBrotliDecompress({ chunkSize: CHUNK_BYTES }),
  gz: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zst: () =>
    createZstdDecompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: MOST_ZSTD_WINDOW_LOG },
    }),
  zz: () => createInflate({ chunkSize: CHUNK_BYTES }),
  deflate: () => createInflateRaw({ chunkSize: CHUNK_BYTES }),
};

/** The formats that Node decompresses itself, in threads of its own. `deflate` is zlib without its frame. */
export type NodeFormat = keyof typeof DECODERS;

export function isNodeFormat(format: string): format is NodeFormat {
  return format in DECODERS;
}

/** Decompresses what Node can decompress. */
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
  // It may read for long before it writes something.
  if (signal) addAbortSignal(signal, decoder);
  let failure: unknown;
  // Errors arrive through the iteration below; this destroys all when that is left.
  pipeline(Readable.from(counted(), { objectMode: true, highWaterMark: 1 }), decoder, error => {
    failure ??= error;
  });
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    throw reasonOf(format, failure ?? error);
  }
  // Node gives the end of the content and is silent about what follows. It does look for a next member of gz itself.
  if (decoder.bytesWritten < given) throw dataAfterEnd(format);
}

function reasonOf(format: NodeFormat, error: unknown): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || syscall !== undefined || !/^(Z_|ERR_|ZSTD_)/.test(code)) return error;
  if (code === 'Z_BUF_ERROR') return truncated(format);
  return corrupt(format, error.message, { cause: error });
}
