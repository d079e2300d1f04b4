import { fstatSync } from 'node:fs';
import { installed } from '../decoders/programs.ts';
import { outputOf, type ProgramWatch } from '../decoders/run-program.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import { UnpackFault } from '../unpack-fault.ts';
import { LibraryLimitError, faultOf, readByLibarchive } from './libarchive.ts';
import { assertRarComplete } from './rar-blocks.ts';
import { assertSevenZipComplete } from './seven-zip-frame.ts';
import { TarParser } from './tar-parser.ts';

/** Reads a 7z or rar archive, with the library, or with an installed program if the library cannot do it. */
export async function readSevenZipOrRar(
  format: '7z' | 'rar',
  descriptor: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
  watch: ProgramWatch,
): Promise<void> {
  const { size } = fstatSync(descriptor);
  if (format === '7z') assertSevenZipComplete(descriptor, size);
  else assertRarComplete(descriptor, size);
  try {
    await readByLibarchive(format, descriptor, size, writer, pause);
  } catch (error) {
    if (!(error instanceof LibraryLimitError)) throw error;
    const program = installed('bsdtar');
    if (program === undefined) {
      throw new UnpackFault(
        'unsupported',
        `this ${format} archive ${error.message}: install the program bsdtar on this worker, or use zip or tar.zst`,
      );
    }
    // Everything unpacked so far is unpacked again.
    writer.startAgain();
    await readByBsdtar(program, format, descriptor, writer, pause, watch);
  }
}

/** Converts the archive to tar with bsdtar, so that only the worker's own writer creates files. */
async function readByBsdtar(
  program: string,
  format: string,
  descriptor: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
  watch: ProgramWatch,
): Promise<void> {
  const parser = new TarParser(writer);
  const run = [program, '--format=pax', '-cf', '-', '@/dev/fd/3'] as const;
  const failure = (complaint: string) => faultOf(format, complaint);
  for await (const chunk of outputOf(run, { descriptor }, failure, watch)) {
    parser.feed(chunk);
    await pause();
  }
  parser.end();
}
