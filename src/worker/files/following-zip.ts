import type { FileHandle } from 'node:fs/promises';
import { fillFrom } from './file-pieces.ts';
import { gzipMember } from './gzip-member.ts';

/** A shorter file is compressed when it is complete, in a few ms. In bytes. */
const WORTH_BYTES = 2 * 1024 * 1024;

/** So many bytes behind what is written, it compresses faster and not as small: by a tenth, in half of the time. */
const BEHIND_BYTES = 8 * 1024 * 1024;
const FAST = 3;
const USUAL = 6;

/** Compresses a file while it is written, so that little is left to do when it is complete. */
export interface FollowingZip {
  /** Tells that the file has this many bytes now, none of which changes any more. */
  grown(size: number): void;
  /**
   * Compresses the rest of the complete file.
   *
   * @returns undefined for a short file, or when it could not be compressed: there may be no room for it
   */
  finish(size: number): Promise<FileHandle | undefined>;
  /** Gives the room of the compressed file back. May be called again. */
  close(): Promise<void>;
}

/** @param newTarget makes the file for the compressed bytes, when there is something to compress */
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
  const tell = () => {
    const told = more;
    more = Promise.withResolvers<void>();
    told.resolve();
  };
  const close = async () => {
    closing.abort(new Error('the file is not needed'));
    tell();
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
        // Whoever finishes hears of it.
        compressing.catch(() => undefined);
      }
      tell();
    },
    finish: async complete => {
      size = complete;
      isComplete = true;
      tell();
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
