import type { FileHandle } from 'node:fs/promises';

/** Where the bytes of a file come from: an open file of this machine, memory, or a stream, such as one out of a container. */
export type FileSource = FileHandle | Buffer | StreamSource;

/** A file that can only be read from its beginning to its end, but as often as needed. */
export interface StreamSource {
  /**
   * Opens the file from its beginning. It is called again for each further try; the stream before has been told to end by then.
   *
   * The bytes of a piece must not change after the piece was given. The stream ends when the signal is aborted, when a
   * `Readable` is destroyed, or when another iterator returns. An error of the stream counts for this try only.
   */
  open(signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Called when no further stream will be opened. It may be called again. */
  close(): Promise<void>;
}

export function isStream(source: FileSource): source is StreamSource {
  return !Buffer.isBuffer(source) && 'open' in source;
}

/** How many bytes there are by now. A stream does not know: whoever has one says its size beside it. */
export async function sizeOf(source: FileSource): Promise<number> {
  if (Buffer.isBuffer(source)) return source.length;
  if (isStream(source)) throw new Error('the size of a stream has to be given');
  return (await source.stat()).size;
}

export async function closeSource(source: FileSource): Promise<void> {
  if (!Buffer.isBuffer(source)) await source.close();
}
