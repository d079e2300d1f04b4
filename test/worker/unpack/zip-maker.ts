import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of a zip archive. Its fields may be false on purpose. */
export interface ZipEntry {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** With the file type in its upper bits. Absent: made on a system without modes. */
  readonly mode?: number;
  /** Default: 8, deflate. `body` is written to the archive without checks. */
  readonly method?: number;
  readonly body?: Buffer;
  readonly size?: number;
  readonly checksum?: number;
  readonly flags?: number;
  /** DOS attributes. */
  readonly attributes?: number;
}

/** Makes a zip archive. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const table: Buffer[] = [];
  let at = 0;
  for (const { name, mode, method = 8, flags = 0x800, attributes = 0, ...entry } of entries) {
    const content = Buffer.from(entry.content ?? '');
    const body = entry.body ?? (method === 8 ? deflateRawSync(content) : content);
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt16LE(0x5545, 8);
    common.writeUInt32LE(entry.checksum ?? crc32(content), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(entry.size ?? content.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, nameBytes, body]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((((mode ?? 0) << 16) >>> 0) + attributes, 6);
    tail.writeUInt32LE(at, 10);
    const madeBy = Buffer.from([20, mode === undefined ? 0 : 3]);
    table.push(Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, common, tail, nameBytes]));
    parts.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(table);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06'), end]);
}
