import { readSync } from 'node:fs';
import type { LibarchiveWasm } from 'libarchive-wasm';
import { corrupt } from '../decoders/damage.ts';
import { bytesOf, shown } from '../tree/entry-name.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import { UnpackFault } from '../unpack-fault.ts';
import { kindOf } from './file-kind.ts';

/** The library in its memory, for which it has no types. */
interface Library extends Omit<LibarchiveWasm, 'module'> {
  readonly module: {
    readonly HEAP8: Int8Array;
    _malloc(size: number): number;
  };
}

/** The library needs the archive in its memory, which can be 2 GiB, and some of that for its own work. */
const MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** The offset of an entry's mode in this version of the library, which has no function for it. */
const MODE_OFFSET = 688;
const TYPE_BITS = 0o170000;

/** The library cannot read the archive: it is too large, or has names that the library does not return. */
export class LibraryLimitError extends Error {}

/**
 * Reads a 7z or rar archive with libarchive, compiled to WebAssembly: code in C that reads hostile files cannot reach out
 * of its memory there.
 *
 * Why this library: 7-Zip's own, compiled in the same way, has a licence that restricts what it may be used for.
 *
 * @param size of the file, which is complete: the library takes the end of the file for that of the archive
 * @throws LibraryLimitError, some way through the archive
 */
export async function readByLibarchive(
  format: '7z' | 'rar',
  descriptor: number,
  size: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
): Promise<void> {
  if (size > MAX_ARCHIVE_BYTES) throw new LibraryLimitError('is larger than 1 GiB');
  const { libarchiveWasm } = await import('libarchive-wasm');
  const library = (await libarchiveWasm()) as Library;
  const archive = open(library, format, descriptor, size);
  const buffer = library.module._malloc(CHUNK_BYTES);
  for (;;) {
    const entry = library.read_next_entry(archive);
    if (entry === 0) break;
    await readEntry({ library, format, archive, buffer }, entry, writer, pause);
    await pause();
  }
  const problem = library.error_string(archive);
  if (problem) throw faultOf(format, problem);
}

function open(library: Library, format: string, descriptor: number, size: number): number {
  const place = library.module._malloc(size);
  if (place === 0) throw new LibraryLimitError('needs more memory than there is');
  for (let done = 0; done < size;) {
    // The memory may have moved while it grew.
    const count = readSync(
      descriptor,
      library.module.HEAP8,
      place + done,
      Math.min(size - done, 1 << 24),
      done,
    );
    if (count === 0) throw corrupt(format, 'it became shorter while it was read');
    done += count;
  }
  try {
    return library.read_new_memory(place, size);
  } catch (error) {
    throw faultOf(format, error instanceof Error ? error.message : '');
  }
}

interface Reading {
  readonly library: Library;
  readonly format: string;
  readonly archive: number;
  /** Memory of the library for one chunk. */
  readonly buffer: number;
}

async function readEntry(
  reading: Reading,
  entry: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
): Promise<void> {
  const { library, format, archive, buffer } = reading;
  const name = nameOf(library.entry_pathname(entry));
  if (library.entry_is_encrypted(entry) !== 0) throw encrypted(format);
  const kind = kindOf(library.entry_filetype(entry));
  const attributes = { mode: modeOf(library, entry, kind === 'folder'), mtime: library.entry_mtime(entry) };
  const target = library.entry_hardlink(entry);
  if (target) {
    writer.hardLink(name, nameOf(target));
    return;
  }
  switch (kind) {
    case 'folder':
      writer.folder(name, attributes);
      return;
    case 'link':
      writer.symlink(name, nameOf(library.entry_symlink(entry)));
      return;
    case 'file': {
      const file = writer.file(name, attributes);
      for (;;) {
        const count = readChunk(reading, name);
        if (count === 0) break;
        file.write(new Uint8Array(library.module.HEAP8.buffer, buffer, count));
        await pause();
      }
      writer.finish();
      return;
    }
    default:
      writer.skip(name, `it is ${kind}`);
      library.read_data_skip(archive);
  }
}

/** For some forms of names, the library knows ASCII only. It returns asterisks for other characters, or nothing. */
function nameOf(text: string): string {
  if (text === '' || text.includes('*')) throw new LibraryLimitError('has names that are not ASCII');
  return bytesOf(text);
}

function readChunk({ library, format, archive, buffer }: Reading, name: string): number {
  try {
    return library.read_data(archive, buffer, CHUNK_BYTES);
  } catch (error) {
    throw faultOf(format, `of ${shown(name)}, ${error instanceof Error ? error.message : ''}`);
  }
}

/** Returns the mode of an entry. If it is unknown, a harmless one. */
function modeOf(library: Library, entry: number, isFolder: boolean): number {
  const mode = new DataView(library.module.HEAP8.buffer).getUint32(entry + MODE_OFFSET, true);
  const isMode = mode <= 0o177777 && (mode & TYPE_BITS) === library.entry_filetype(entry);
  if (isMode && (mode & 0o777) !== 0) return mode;
  return isFolder ? 0o755 : 0o644;
}

/** Translates an error message of libarchive. */
export function faultOf(format: string, problem: string): UnpackFault {
  if (/encrypt|passphrase|password/i.test(problem)) return encrypted(format);
  if (/multi.?volume|unsupported|not supported|no support/i.test(problem)) {
    return new UnpackFault('unsupported', `the worker cannot unpack this ${format} archive: ${problem}`);
  }
  return corrupt(format, problem);
}

function encrypted(format: string): UnpackFault {
  return new UnpackFault(
    'unsupported',
    `this ${format} archive is encrypted, and the worker has no password for it`,
  );
}
