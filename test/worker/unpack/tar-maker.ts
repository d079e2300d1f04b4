/** An entry of a tar archive. Its fields may be false on purpose. */
export interface TarEntry {
  readonly name: string;
  /** '0' a file, '1' a hard link, '2' a symbolic link, '5' a folder, and so on. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** Replaces the true size of the content. */
  readonly size?: number;
  /** Records of an extended header before the entry. */
  readonly pax?: Readonly<Record<string, string>>;
}

const BLOCK = 512;

/** Makes a tar archive (ustar). Names are not changed. */
export function tarOf(entries: readonly TarEntry[], end = true): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), ...(end ? [Buffer.alloc(2 * BLOCK)] : [])]);
}

function entryBlocks(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const pax = Object.entries(entry.pax ?? {}).map(([name, value]) => paxRecord(name, value));
  const extended =
    pax.length === 0 ? [] : entryBlocks({ name: 'pax', type: 'x', content: Buffer.concat(pax) });
  return [...extended, tarHeader(entry, content.length), padded(content)];
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}

export function tarHeader(entry: TarEntry, length: number): Buffer {
  const { name, type = '0', target = '', mode = 0o644, mtime = 1_000_000_000, size = length } = entry;
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, 'utf8');
  writeOctal(block, mode, 100, 8);
  writeOctal(block, 0, 108, 8);
  writeOctal(block, 0, 116, 8);
  if (size < 8 ** 11 && size >= 0) writeOctal(block, size, 124, 12);
  else block.writeBigInt64BE(BigInt(size), 128).valueOf();
  if (size >= 8 ** 11) block[124] = 0x80;
  if (size < 0) block.fill(0xff, 124, 128);
  writeOctal(block, mtime, 136, 12);
  block.write(type, 156, 1, 'latin1');
  block.write(target, 157, 100, 'utf8');
  block.write('ustar\0' + '00', 257, 'latin1');
  return signed(block);
}

/** Writes the checksum into a header. */
export function signed(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  writeOctal(
    block,
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

function writeOctal(block: Buffer, value: number, at: number, width: number): void {
  block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  block[at + width - 1] = 0;
}

function paxRecord(name: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${name}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.from(`${length} ${name}=${value}\n`);
}
