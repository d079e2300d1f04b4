import { ByteReader } from './byte-reader.ts';
import { readValue } from './field-table.ts';
import { writtenEntry, type Writable } from './written-entry.ts';

const TEXT = (from: ByteReader) => from.shortString();
const OCTET = (from: ByteReader) => from.uint8();
const HEADERS = 0x2000;
const USER_ID = 0x10;

/** All properties with their flags, in the order of the wire. */
const PROPERTIES: readonly [flag: number, skip: (from: ByteReader) => unknown][] = [
  [0x8000, TEXT], // content type
  [0x4000, TEXT], // content encoding
  [HEADERS, from => from.bytes()],
  [0x1000, OCTET], // delivery mode
  [0x800, OCTET], // priority
  [0x400, TEXT], // correlation id
  [0x200, TEXT], // reply to
  [0x100, TEXT], // expiration
  [0x80, TEXT], // message id
  [0x40, from => from.uint64()], // timestamp
  [0x20, TEXT], // type
  [USER_ID, TEXT],
  [0x8, TEXT], // app id
  [0x4, TEXT], // cluster id
];

/** Changes to headers. An undefined value removes the header; any other value replaces or adds it. */
export type ChangedHeaders = Readonly<Record<string, Writable | undefined>>;

/**
 * Returns the properties of a message with changed headers. Everything else stays the same byte for byte, because
 * decoding and encoding values again would change their types.
 *
 * @param user the user who publishes. RabbitMQ refuses a message that names another user, so such a name is left out.
 * @throws UnreadableError
 */
export function copiedProperties(raw: Buffer, changed: ChangedHeaders, user: string | undefined): Buffer {
  const from = new ByteReader(raw);
  const flags = from.uint16();
  const parts = new Map<number, Buffer>();
  for (const [flag, skip] of PROPERTIES)
    if (flags & flag)
      parts.set(
        flag,
        skipped(raw, from, () => skip(from)),
      );
  parts.set(HEADERS, changedTable(parts.get(HEADERS), changed));
  if (parts.get(USER_ID)?.toString('utf8', 1) !== user) parts.delete(USER_ID);
  const present = PROPERTIES.filter(([flag]) => parts.has(flag));
  const head = Buffer.alloc(2);
  head.writeUInt16BE(present.reduce((sum, [flag]) => sum + flag, 0));
  return Buffer.concat([head, ...present.flatMap(([flag]) => parts.get(flag) ?? [])]);
}

function changedTable(table: Buffer | undefined, changed: ChangedHeaders): Buffer {
  const entries: Buffer[] = [];
  if (table) {
    const from = new ByteReader(table);
    from.within(() => {
      while (!from.done) {
        let name = '';
        const entry = skipped(table, from, () => {
          name = from.shortString();
          readValue(from);
        });
        if (!Object.hasOwn(changed, name)) entries.push(entry);
      }
    });
  }
  for (const [name, value] of Object.entries(changed))
    if (value !== undefined) entries.push(writtenEntry(name, value));
  const content = Buffer.concat(entries);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** Returns the bytes that a function reads. */
function skipped(bytes: Buffer, from: ByteReader, read: () => unknown): Buffer {
  const start = from.at;
  read();
  return bytes.subarray(start, from.at);
}
