import { crc32 } from 'node:zlib';

/** An entry of a rar archive. */
export interface RarEntry {
  readonly name: string;
  readonly content?: string;
  readonly mode?: number;
  /** Makes the entry a symbolic link to this target. */
  readonly target?: string;
}

const MAIN = 1;
const FILE = 2;
const END = 5;
const HAS_EXTRA = 1;
const HAS_DATA = 2;
const UNIX = 1;

/**
 * Makes a rar archive of version 5 without compression. No free program makes other rar archives.
 *
 * @param end whether the archive is complete
 * @param archiveFlags 1: the archive is one of several volumes
 */
export function rarOf(entries: readonly RarEntry[], { end = true, archiveFlags = 0 } = {}): Buffer {
  return Buffer.concat([
    Buffer.from('Rar!\x1a\x07\x01\x00', 'latin1'),
    block(MAIN, 0, [number(archiveFlags)]),
    ...entries.map(fileBlock),
    ...(end ? [block(END, 0, [number(0)])] : []),
  ]);
}

function fileBlock({ name, content = '', mode = 0o100644, target }: RarEntry): Buffer {
  const data = Buffer.from(content);
  const nameBytes = Buffer.from(name);
  const isFolder = (mode & 0o170000) === 0o040000;
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(data));
  const time = Buffer.alloc(4);
  time.writeUInt32LE(1_000_000_000);
  // Flags: 1 is a folder, 2 a time, 4 a checksum.
  const fields = [number(isFolder ? 3 : 6), number(data.length), number(mode), time];
  if (!isFolder) fields.push(checksum);
  fields.push(number(0), number(UNIX), number(nameBytes.length), nameBytes);
  const redirection =
    target === undefined
      ? Buffer.alloc(0)
      : Buffer.concat([number(5), number(1), number(0), number(target.length), Buffer.from(target)]);
  const extra =
    redirection.length === 0 ? redirection : Buffer.concat([number(redirection.length), redirection]);
  return block(FILE, HAS_DATA, fields, data, extra);
}

function block(
  type: number,
  flags: number,
  fields: Buffer[],
  data = Buffer.alloc(0),
  extra = Buffer.alloc(0),
) {
  const hasExtra = extra.length > 0;
  const body = Buffer.concat([
    number(type),
    number(flags | (hasExtra ? HAS_EXTRA : 0)),
    ...(hasExtra ? [number(extra.length)] : []),
    ...(flags & HAS_DATA ? [number(data.length)] : []),
    ...fields,
    extra,
  ]);
  const sized = Buffer.concat([number(body.length), body]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(sized));
  return Buffer.concat([checksum, sized, data]);
}

function number(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 128 : 0));
    if (left < 128) return Buffer.from(bytes);
  }
}
