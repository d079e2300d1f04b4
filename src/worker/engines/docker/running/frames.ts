/** The engine's numbers of a container's streams. */
export type Stream = 'stdout' | 'stderr';

/** Each frame begins with the number of its stream, three zeros, and its length. */
const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Splits the output of a container without a terminal: standard output and error are frames on one connection. Parts of a
 * frame are passed on as they arrive.
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  #stream: Stream = 'stdout';
  /** Missing bytes of the current frame. */
  #left = 0;

  /** The contents of a chunk, in order. */
  *read(chunk: Buffer): Generator<readonly [Stream, Buffer], void, undefined> {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const content = chunk.subarray(at, at + this.#left);
        at += content.length;
        this.#left -= content.length;
        yield [this.#stream, content];
      } else {
        const count = chunk.copy(this.#header, this.#headerLength, at);
        at += count;
        this.#headerLength += count;
        if (this.#headerLength < HEADER_BYTES) return;
        this.#headerLength = 0;
        this.#stream = this.#header[0] === STDERR ? 'stderr' : 'stdout';
        this.#left = this.#header.readUInt32BE(4);
      }
    }
  }
}
