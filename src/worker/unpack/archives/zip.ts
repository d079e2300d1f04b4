import { isUtf8 } from 'node:buffer';
import { readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import type { Entry, getFileNameLowLevel, ZipFile } from 'yauzl';
import { corrupt, truncated } from '../decoders/damage.ts';
import { decoded } from '../decoders/decoded.ts';
import { decodedByNode } from '../decoders/zlib.ts';
import { piecesOf } from '../pieces.ts';
import { bytesOf, shown } from '../tree/entry-name.ts';
import type { TreeWriter } from '../tree/tree-writer.ts';
import { UnpackFault } from '../unpack-fault.ts';
import { kindOf, type FileKind } from './file-kind.ts';

const STORED = 0;
const DEFLATED = 8;
/** Compression methods that are formats of their own. */
const OTHERS = { 12: 'bz2', 93: 'zst', 95: 'xz' } as const;

/**
 * Content up to this size (bytes, compressed and decompressed) is decompressed at once, which is faster than a
 * stream.
 */
const MAX_AT_ONCE = 1024 * 1024;
/** Longer than any link's target. */
const MAX_TARGET_BYTES = 4096;

/** The systems with modes, by the format's numbers. */
const UNIX = 3;
const MACOS = 19;
const UTF8_FLAG = 0x800;
/** The mark for folders on systems without modes. */
const DOS_FOLDER = 0x10;

/** Reads a zip archive. Its table of contents counts, not the header before each file. */
export async function readZip(
  descriptor: number,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
): Promise<void> {
  const { fromFdPromise, getFileNameLowLevel } = await import('yauzl');
  try {
    const zip = await fromFdPromise(descriptor, { autoClose: false, decodeStrings: false });
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry, getFileNameLowLevel);
      await readEntry({ zip, entry, name, descriptor }, writer, pause);
      await pause();
    }
  } catch (error) {
    throw faultOf(error);
  }
}

/** The code page of names that are not marked as UTF-8 is unknown. On Unix, the bytes are the name. */
function nameOf(entry: Entry, decode: typeof getFileNameLowLevel): string {
  const { generalPurposeBitFlag: flags, fileNameRaw, extraFields, versionMadeBy } = entry;
  const isRaw = isUnix(versionMadeBy) || isUtf8(fileNameRaw);
  const text = decode(flags | (isRaw ? UTF8_FLAG : 0), fileNameRaw, extraFields, false);
  const raw = fileNameRaw.toString('latin1');
  // Bytes that are not text would be changed by a conversion.
  return isRaw && text === fileNameRaw.toString('utf8') ? raw : bytesOf(text);
}

interface ZipEntry {
  readonly zip: ZipFile;
  readonly entry: Entry;
  /** Its bytes, with one character for each. */
  readonly name: string;
  readonly descriptor: number;
}

async function readEntry(
  zipped: ZipEntry,
  writer: TreeWriter,
  pause: () => Promise<void> | undefined,
): Promise<void> {
  const { entry, name } = zipped;
  const { kind, mode } = attributesOf(entry, name);
  const attributes = { mode, mtime: entry.getLastModDate().getTime() / 1000 };
  switch (kind) {
    case 'folder':
      writer.folder(name, attributes);
      return;
    case 'link': {
      if (entry.uncompressedSize > MAX_TARGET_BYTES)
        throw damaged(name, 'it is a link with an endless target');
      const parts: Buffer[] = [];
      for await (const chunk of contentOf(zipped)) parts.push(chunk);
      writer.symlink(name, Buffer.concat(parts).toString('latin1'));
      return;
    }
    case 'file': {
      const file = writer.file(name, attributes);
      for await (const chunk of contentOf(zipped)) {
        file.write(chunk);
        await pause();
      }
      writer.finish();
      return;
    }
    default:
      writer.skip(name, `it is ${kind}`);
  }
}

/** Returns the kind and mode of an entry. Only Unix programs record them. */
function attributesOf(entry: Entry, name: string): { readonly kind: FileKind; readonly mode: number } {
  const mode = isUnix(entry.versionMadeBy) ? entry.externalFileAttributes >>> 16 : 0;
  const isFolder = name.endsWith('/') || (mode === 0 && (entry.externalFileAttributes & DOS_FOLDER) !== 0);
  if (isFolder) return { kind: 'folder', mode: mode === 0 ? 0o755 : mode };
  return { kind: kindOf(mode), mode: mode === 0 ? 0o644 : mode };
}

function isUnix(versionMadeBy: number): boolean {
  const system = versionMadeBy >> 8;
  return system === UNIX || system === MACOS;
}

/** Yields the content of a file. Its length and checksum are checked at the end. */
async function* contentOf(zipped: ZipEntry): AsyncGenerator<Buffer, void, undefined> {
  const { entry, name } = zipped;
  let length = 0;
  let checksum = 0;
  for await (const chunk of unproven(zipped)) {
    length += chunk.length;
    if (length > entry.uncompressedSize) throw damaged(name, 'it is longer than the archive says');
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (length !== entry.uncompressedSize) throw damaged(name, 'it is shorter than the archive says');
  if (checksum !== entry.crc32) throw damaged(name, 'its checksum is wrong');
}

async function* unproven({
  zip,
  entry,
  name,
  descriptor,
}: ZipEntry): AsyncGenerator<Buffer, void, undefined> {
  const { compressionMethod: method, compressedSize, uncompressedSize } = entry;
  if (entry.isEncrypted()) {
    throw new UnpackFault('unsupported', `the archive is encrypted: the worker cannot unpack ${shown(name)}`);
  }
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  if (method === DEFLATED && compressedSize <= MAX_AT_ONCE && uncompressedSize <= MAX_AT_ONCE) {
    // The caller counts, and so finds out whether there is more.
    const content = inflateRawSync(bytesAt(descriptor, fileDataStart, compressedSize), {
      maxOutputLength: MAX_AT_ONCE,
    });
    if (content.length > 0) yield content;
    return;
  }
  const pieces = piecesOf(descriptor, fileDataStart, compressedSize);
  if (method === STORED) yield* pieces;
  else if (method === DEFLATED) yield* decodedByNode('deflate', pieces);
  else if (method in OTHERS) yield* decoded(OTHERS[method as keyof typeof OTHERS], pieces);
  else {
    const words = `which the worker does not support: compress ${shown(name)} with deflate`;
    throw new UnpackFault('unsupported', `the archive is compressed by method ${method}, ${words}`);
  }
}

function bytesAt(descriptor: number, start: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const count = readSync(descriptor, buffer, done, length - done, start + done);
    if (count === 0) throw truncated('zip');
    done += count;
  }
  return buffer;
}

function damaged(name: string, why: string): UnpackFault {
  return corrupt('zip', `of ${shown(name)}, ${why}`);
}

/** The library reports problems of an archive as plain errors. Node has error classes of its own. */
function faultOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UnpackFault) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') return corrupt('zip', 'a file is longer than the archive says');
  if (syscall !== undefined || (code !== undefined && !code.startsWith('Z_'))) return error;
  if (!error.message.includes('encryption')) return corrupt('zip', error.message, { cause: error });
  return new UnpackFault('unsupported', 'the archive is encrypted, and the worker has no password for it');
}
