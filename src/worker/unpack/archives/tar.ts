import { decoded } from '../decoders/decoded.ts';
import type { ProgramWatch } from '../decoders/run-program.ts';
import type { Compression } from '../formats.ts';
import { piecesOf } from '../pieces.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import { TarParser } from './tar-parser.ts';

/** Number of bytes read after an archive's end, so that the checksum at the end of a compressed one is checked. */
const MAX_AFTER_END = 64 * 1024 * 1024;

/** Reads a tar archive, compressed or not. */
export async function readTar(
  compression: Compression | undefined,
  descriptor: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
  watch: ProgramWatch,
): Promise<void> {
  const pieces = piecesOf(descriptor);
  const parser = new TarParser(writer);
  let afterEnd = 0;
  for await (const chunk of compression === undefined ? pieces : decoded(compression, pieces, watch)) {
    parser.feed(chunk);
    await pause();
    if (!parser.isAtEnd) continue;
    afterEnd += chunk.length;
    if (compression === undefined || afterEnd > MAX_AFTER_END) break;
  }
  parser.end();
}
