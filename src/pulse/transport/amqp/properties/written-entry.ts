/** A value that {@link writtenEntry} can encode in an AMQP table. */
export type Writable = string | number | readonly Writable[] | WritableTable;

interface WritableTable {
  readonly [name: string]: Writable;
}

/** Encodes an entry of a table: its name, then its value. */
export function writtenEntry(name: string, value: Writable): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), written(value)]);
}

function written(value: Writable): Buffer {
  if (typeof value === 'string') return tagged('S', long(Buffer.from(value)));
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return tagged('d', bytes);
  }
  if (isList(value)) return tagged('A', long(Buffer.concat(value.map(written))));
  return tagged(
    'F',
    long(Buffer.concat(Object.entries(value).map(([name, each]) => writtenEntry(name, each)))),
  );
}

function isList(value: object): value is readonly Writable[] {
  return Array.isArray(value);
}

function tagged(tag: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(tag), bytes]);
}

function long(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
