/** Reads bits, the highest of each byte first. Past the end it reads zeros, and `isPastEnd` is true. */
export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;
  #word = 0;
  #count = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @param count 1 to 24 */
  bits(count: number): number {
    while (this.#count < count) {
      this.#word = ((this.#word << 8) | (this.#bytes[this.#at++] ?? 0)) >>> 0;
      this.#count += 8;
    }
    this.#count -= count;
    return (this.#word >>> this.#count) & ((1 << count) - 1);
  }

  /**
   * Returns the next bits without consuming them.
   *
   * @param count 1 to 24
   */
  peek(count: number): number {
    const found = this.bits(count);
    this.#count += count;
    return found;
  }

  /** Consumes bits. */
  drop(count: number): void {
    this.#count -= count;
  }

  /** Reads two numbers of 24 bits as one. */
  bits48(): number {
    return this.bits(24) * 2 ** 24 + this.bits(24);
  }

  bits32(): number {
    return this.bits(16) * 2 ** 16 + this.bits(16);
  }

  /** How many bits have been read. */
  get position(): number {
    return this.#at * 8 - this.#count;
  }

  /** Whether more has been read than there is. */
  get isPastEnd(): boolean {
    return this.position > this.#bytes.length * 8;
  }

  /** Moves to a position in bits from the start. */
  seek(position: number): void {
    this.#at = position >> 3;
    this.#word = 0;
    this.#count = 0;
    if (position % 8 !== 0) this.bits(position % 8);
  }
}
