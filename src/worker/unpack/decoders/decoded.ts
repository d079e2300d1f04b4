import type { Compression } from '../formats.ts';
import { UnpackFault } from '../unpack-fault.ts';
import type { ProgramWatch } from './run-program.ts';
import { decodedByProgram, programFor, programNames } from './programs.ts';
import { decodedByNode, isNodeFormat } from './zlib.ts';

/**
 * Whether this format is decompressed outside the calling thread: in one of Node's threads, or in another
 * process.
 */
export function isElsewhere(format: Compression): boolean {
  return isNodeFormat(format) || format === 'lz' || format === 'mz' || programFor(format) !== undefined;
}

/**
 * Decompresses a stream in the fastest way on this machine: with Node, with an installed program, or with own
 * code or a library.
 *
 * @param watch for work outside this thread; work in this thread ends when its output is no longer read
 * @throws UnpackFault when there is no way, or the content is damaged
 */
export async function* decoded(
  format: Compression,
  pieces: AsyncIterable<Buffer>,
  watch?: ProgramWatch,
): AsyncGenerator<Buffer, void, undefined> {
  if (isNodeFormat(format)) return yield* decodedByNode(format, pieces, watch?.signal);
  const program = programFor(format);
  if (program !== undefined) return yield* decodedByProgram(format, program, pieces, watch);
  yield* decodedHere(format, pieces);
}

/** Decompresses a stream in this thread, without any program. */
export async function* decodedHere(
  format: Compression,
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  // Each is loaded when the first task needs it.
  switch (format) {
    case 'bz2':
      return yield* (await import('./bzip2.ts')).decodedBzip2(pieces);
    case 'lz4':
      return yield* (await import('./lz4.ts')).decodedLz4(pieces);
    case 'sz':
      return yield* (await import('./snappy.ts')).decodedSnappy(pieces);
    case 'xz':
      return yield* (await import('./xz.ts')).decodedXz(pieces);
    default: {
      const names = programNames(format);
      const programs =
        names.length > 1 ? `one of the programs ${names.join(', ')}` : `the program ${names[0] ?? ''}`;
      throw new UnpackFault(
        'unsupported',
        `this worker cannot decompress the format ${format}: install ${programs} on it, or use another format`,
      );
    }
  }
}
