import { Readable } from 'node:stream';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { UnpackFault } from '../unpack-fault.ts';
import { corrupt, truncated } from './damage.ts';

/** xz-embedded's error codes, which are in the library's messages. */
const MEMORY = new Set([3, 4]);
const FORMAT = 5;
const OPTIONS = 6;
const TRUNCATED = 8;

/**
 * Decompresses xz, including concatenated streams, without the program. It lacks some of the program's
 * abilities: dictionaries above 64 MiB, filters for machine code, and SHA-256 checksums.
 */
export async function* decodedXz(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const { default: library } = await import('xz-decompress');
  let isEmpty = true;
  const input = async function* () {
    for await (const piece of pieces) {
      isEmpty = false;
      yield piece;
    }
    // The library requests the end like further bytes, and takes only an empty piece as the end.
    for (;;) yield Buffer.alloc(0);
  };
  // Only the types of the two kinds of streams differ.
  const web = Readable.toWeb(Readable.from(input(), { objectMode: true })) as ReadableStream<Uint8Array>;
  const output = new library.XzReadableStream(web) as unknown as NodeStream<Uint8Array>;
  try {
    for await (const chunk of output) {
      if (chunk.length > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  } catch (error) {
    throw reasonOf(error, isEmpty);
  }
}

function reasonOf(error: unknown, isEmpty: boolean): unknown {
  if (isEmpty) return truncated('xz');
  const text = /error code (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  if (text === undefined) return error;
  const code = Number(text);
  if (code === TRUNCATED) return truncated('xz');
  if (code === OPTIONS || MEMORY.has(code)) {
    const what = code === OPTIONS ? 'filters or a checksum' : 'a dictionary above 64 MiB';
    const message = `this xz content has ${what}: the worker needs the program xz for that, which is not installed`;
    return new UnpackFault('unsupported', message);
  }
  return corrupt('xz', code === FORMAT ? 'it does not begin with a stream' : 'its data is damaged');
}
