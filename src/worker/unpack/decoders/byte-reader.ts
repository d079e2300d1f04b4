import { truncated } from './damage.ts';

/** Reads portions of the sizes that a format needs from a stream with other sizes. */
export class ByteReader {
  readonly #format: string;
  readonly #pieces: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;

  /** @param format named by the error when the stream ends too early */
  constructor(format: string, pieces: AsyncIterable<Buffer>) {
    this.#format = format;
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /**
   * Consumes this many bytes.
   *
   * @throws UnpackFault when there are fewer
   */
  async take(count: number): Promise<Buffer> {
    const found = await this.peek(count);
    if (found.length < count) throw truncated(this.#format);
    this.#buffer = this.#buffer.subarray(count);
    return found.subarray(0, count);
  }

  /** Returns the next bytes without consuming them: at least this many, or all remaining ones. */
  async peek(count: number): Promise<Buffer> {
    if (this.#buffer.length >= count || this.#ended) return this.#buffer;
    const parts = [this.#buffer];
    for (let length = this.#buffer.length; length < count;) {
      const next = await this.#pieces.next();
      if (next.done === true) {
        this.#ended = true;
        break;
      }
      parts.push(next.value);
      length += next.value.length;
    }
    const filled = parts.filter(part => part.length > 0);
    this.#buffer = filled.length === 1 && filled[0] ? filled[0] : Buffer.concat(filled);
    return this.#buffer;
  }

  /** Consumes bytes that have been peeked at. */
  skip(count: number): void {
    this.#buffer = this.#buffer.subarray(count);
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.peek(1)).length === 0;
  }
}
