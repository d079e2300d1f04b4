/** A stream of a container's output, as the engine numbers them. */
export type Stream = 'stdout' | 'stderr';

/** Each frame begins with the number of its stream, three zeros, and its length. */
const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Takes the output of a container without a terminal apart, in which standard output and error are frames of one
 * connection. A frame that comes in several chunks goes out as it comes: none is held.
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  #stream: Stream = 'stdout';
  /** Bytes of the frame that are to come. */
  #left = 0;

  /** The content in a chunk, in order. */
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
