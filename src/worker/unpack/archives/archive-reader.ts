import { compressionOf, type ArchiveFormat } from '../formats.ts';
import type { ProgramWatch } from '../decoders/run-program.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';

/**
 * Reads an archive and writes everything in it.
 *
 * @param descriptor of the open archive
 * @param pause called after each portion of the work, and awaited if it returns a promise
 * @param watch for the programs that it needs
 * @throws UnpackFault, or an error of the system
 */
export type ArchiveReader = (
  descriptor: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
  watch: ProgramWatch,
) => Promise<void>;

/** Returns the reader of a format, and loads what it needs. */
export async function archiveReader(format: ArchiveFormat): Promise<ArchiveReader> {
  switch (format) {
    case 'zip':
      return (await import('./zip.ts')).readZip;
    case '7z':
    case 'rar': {
      const { readSevenZipOrRar } = await import('./seven-zip-or-rar.ts');
      return (...all) => readSevenZipOrRar(format, ...all);
    }
    default: {
      const { readTar } = await import('./tar.ts');
      return (...all) => readTar(compressionOf(format), ...all);
    }
  }
}
