import type { FileHandle } from 'node:fs/promises';
import { fillFrom } from './file-pieces.ts';
import { gzipMember } from './gzip-member.ts';

/** Shorter files are compressed when they are complete, in a few ms. In bytes. */
const WORTH_BYTES = 2 * 1024 * 1024;

/** When it is this far behind (bytes), it compresses faster and less: output is a tenth larger, in half the time. */
const BEHIND_BYTES = 8 * 1024 * 1024;
const FAST = 3;
const USUAL = 6;

/** Compresses a file while it is written, so that little is left to do when it is complete. */
export interface FollowingZip {
  /** Reports that the file now has this many bytes that will not change. */
  grown(size: number): void;
  /**
   * Compresses the rest of the complete file.
   *
   * @returns undefined for a short file, or when it could not be compressed, for example for lack of space
   */
  finish(size: number): Promise<FileHandle | undefined>;
  /** Releases the compressed file. May be called again. */
  close(): Promise<void>;
}

/** @param newTarget creates the file for the compressed bytes, when it is needed */
export function followingZip(source: FileHandle, newTarget: () => Promise<FileHandle>): FollowingZip {
  const closing = new AbortController();
  let size = 0;
  let isComplete = false;
  let at = 0;
  let isClosed = false;
  let target: FileHandle | undefined;
  let compressing: Promise<FileHandle> | undefined;
  let more = Promise.withResolvers<void>();

  const read = async (buffer: Buffer): Promise<number> => {
    while (!isComplete && size - at < buffer.length) {
      await more.promise;
      closing.signal.throwIfAborted();
    }
    const wanted = Math.min(buffer.length, size - at);
    await fillFrom(source, buffer, wanted, at);
    at += wanted;
    return wanted;
  };
  const compress = async () => {
    const made = (target = await newTarget());
    const write = async (bytes: Buffer) => {
      await made.appendFile(bytes);
    };
    const level = () => (size - at > BEHIND_BYTES ? FAST : USUAL);
    await gzipMember(read, write, { signal: closing.signal, level });
    return made;
  };
  const wakeReader = () => {
    const previous = more;
    more = Promise.withResolvers<void>();
    previous.resolve();
  };
  const close = async () => {
    closing.abort(new Error('the file is not needed'));
    wakeReader();
    await compressing?.catch(() => undefined);
    await target?.close();
    target = undefined;
    compressing = undefined;
    isClosed = true;
  };
  return {
    grown: now => {
      size = now;
      if (size >= WORTH_BYTES && !compressing && !isClosed) {
        compressing = compress();
        // `finish` reports the error.
        compressing.catch(() => undefined);
      }
      wakeReader();
    },
    finish: async complete => {
      size = complete;
      isComplete = true;
      wakeReader();
      try {
        return await compressing;
      } catch {
        await close();
        return undefined;
      }
    },
    close,
  };
}
