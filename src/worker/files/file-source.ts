import type { FileHandle } from 'node:fs/promises';

/** A source of a file's bytes: an open file of this machine, memory, or a stream, for example from a container. */
export type FileSource = FileHandle | Buffer | StreamSource;

/** A file that can only be read from beginning to end, but any number of times. */
export interface StreamSource {
  /**
   * Opens the file from the beginning. It is called again for each further attempt. The previous stream has
   * been told to end by then.
   *
   * The bytes of a piece must not change after the piece was yielded. The stream ends when the signal is
   * aborted, when a `Readable` is destroyed, or when another iterator returns. An error of the stream affects
   * only this attempt.
   */
  open(signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Called when no further stream will be opened. May be called again. */
  close(): Promise<void>;
}

export function isStream(source: FileSource): source is StreamSource {
  return !Buffer.isBuffer(source) && 'open' in source;
}

/** Returns the present number of bytes. Streams do not know theirs, so their size is passed separately. */
export async function sizeOf(source: FileSource): Promise<number> {
  if (Buffer.isBuffer(source)) return source.length;
  if (isStream(source)) throw new Error('the size of a stream must be given');
  return (await source.stat()).size;
}

export async function closeSource(source: FileSource): Promise<void> {
  if (!Buffer.isBuffer(source)) await source.close();
}
