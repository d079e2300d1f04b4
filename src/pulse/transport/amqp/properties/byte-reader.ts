import { isUtf8 } from 'node:buffer';

/** Bytes cannot be decoded. The message follows "its properties cannot be read: ". */
export class UnreadableError extends Error {}

/** Reads AMQP's basic types in sequence, and never past the end. Every method may throw an {@link UnreadableError}. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Number of bytes read so far. */
  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** Returns a number if that is exact, and a bigint otherwise. */
  int64(): number | bigint {
    return exact(this.#bytes.readBigInt64BE(this.#take(8)));
  }

  /** Returns a number if that is exact, and a bigint otherwise. */
  uint64(): number | bigint {
    return exact(this.#bytes.readBigUInt64BE(this.#take(8)));
  }

  shortString(): string {
    const length = this.uint8();
    const text = this.#text(length);
    if (text === undefined) throw new UnreadableError('a text is not UTF-8');
    return text;
  }

  /** Returns text, or the bytes if they are not UTF-8. AMQP does not define the content of a long string. */
  longString(): string | Buffer {
    const length = this.uint32();
    const from = this.#at;
    return this.#text(length) ?? this.#bytes.subarray(from, from + length);
  }

  bytes(): Buffer {
    const length = this.uint32();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** Reads a section that begins with its length in bytes. */
  within<T>(read: () => T): T {
    const length = this.uint32();
    const outside = this.#end;
    this.#end = this.#take(length) + length;
    this.#at = this.#end - length;
    const value = read();
    this.#end = outside;
    return value;
  }

  #take(bytes: number): number {
    const from = this.#at;
    if (bytes > this.#end - from) throw new UnreadableError('they are cut short');
    this.#at = from + bytes;
    return from;
  }

  /**
   * Returns undefined for bytes that are not UTF-8. They would otherwise become replacement characters and pass as
   * valid.
   */
  #text(length: number): string | undefined {
    const from = this.#take(length);
    const text = this.#bytes.toString('utf8', from, from + length);
    if (!text.includes('\ufffd') || isUtf8(this.#bytes.subarray(from, from + length))) return text;
    return undefined;
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
