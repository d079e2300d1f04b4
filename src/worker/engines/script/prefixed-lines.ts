import { Writable } from 'node:stream';

/** Longer lines are split, in bytes. */
const LONGEST_LINE = 64 * 1024;
const NEW_LINE = 0x0a;

/**
 * Writes whole lines with a prefix to another output, no faster than that accepts them. At its end, it completes an
 * unfinished last line. It never ends the other output.
 */
export class PrefixedLines extends Writable {
  readonly #prefix: Buffer;
  readonly #output: NodeJS.WritableStream;
  #begun: Buffer = Buffer.alloc(0);

  constructor(prefix: string, output: NodeJS.WritableStream) {
    super();
    this.#prefix = Buffer.from(prefix);
    this.#output = output;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // The chunk will be reused.
    const text = Buffer.concat([this.#begun, chunk]);
    const end = text.lastIndexOf(NEW_LINE) + 1;
    this.#begun = text.subarray(end);
    const lines = end === 0 ? [] : this.#prefixed(text.subarray(0, end));
    if (this.#begun.length > LONGEST_LINE) {
      lines.push(this.#prefix, this.#begun, Buffer.of(NEW_LINE));
      this.#begun = Buffer.alloc(0);
    }
    this.#pass(Buffer.concat(lines), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#begun.length === 0) done();
    else this.#pass(Buffer.concat([this.#prefix, this.#begun, Buffer.of(NEW_LINE)]), done);
  }

  /** @param text ends with a newline */
  #prefixed(text: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    for (let start = 0; start < text.length;) {
      const end = text.indexOf(NEW_LINE, start) + 1;
      parts.push(this.#prefix, text.subarray(start, end));
      start = end;
    }
    return parts;
  }

  #pass(bytes: Buffer, done: (error?: Error | null) => void): void {
    if (bytes.length === 0) done();
    else if (this.#output.writable) this.#output.write(bytes, done);
    else done(new Error('the output is gone'));
  }
}
