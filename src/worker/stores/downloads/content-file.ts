import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** The result of writing content. */
export interface Written {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Content that is being written to a file. */
export interface ContentFile {
  /** Takes the next bytes as received. Settles when there is room for more. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Settles when everything has been handed to the disk. */
  end(): Promise<Written>;
  /** Gives up. When this has settled, the file may be written again. */
  abandon(): Promise<void>;
}

/** Limit for content that waits in memory for the disk. */
const WAITING_BYTES = 4 * 1024 * 1024;
/** The disk is checked again after this many bytes. */
const CHECK_BYTES = 32 * 1024 * 1024;

/**
 * Writes content to a file from the beginning, and computes its SHA-256 meanwhile.
 *
 * @param encoding `gzip` is decompressed
 * @param checkRoom called now and then; throws when the disk is too full to continue
 */
export async function contentFile(
  handle: FileHandle,
  encoding: 'identity' | 'gzip',
  checkRoom: () => Promise<void>,
): Promise<ContentFile> {
  await handle.truncate(0);
  const hash = createHash('sha256');
  let bytes = 0;
  let checkAt = CHECK_BYTES;
  /** Writes in progress. A destroyed stream does not wait for them. */
  let underWay: Promise<void> = Promise.resolve();
  const put = async (chunks: readonly Buffer[]) => {
    for (const chunk of chunks) hash.update(chunk);
    const at = bytes;
    bytes += chunks.reduce((sum, { length }) => sum + length, 0);
    if (bytes >= checkAt) {
      checkAt = bytes + CHECK_BYTES;
      await checkRoom();
    }
    await writeAll(handle, chunks, at);
  };
  const take = (chunks: readonly Buffer[], done: (error?: Error | null) => void) => {
    const work = put(chunks);
    underWay = work.catch(() => undefined);
    work.then(() => {
      done();
    }, done);
  };
  const file = new Writable({
    highWaterMark: WAITING_BYTES,
    write: (chunk: Buffer, _encoding, done) => {
      take([chunk], done);
    },
    writev: (chunks: { chunk: Buffer }[], done) => {
      take(
        chunks.map(({ chunk }) => chunk),
        done,
      );
    },
  });
  const unpacker = encoding === 'gzip' ? createGunzip({ chunkSize: 256 * 1024 }) : undefined;
  const head: Writable = unpacker ?? file;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    head.destroy();
    file.destroy();
  };
  file.on('error', fail);
  if (unpacker) {
    unpacker.on('error', fail);
    unpacker.pipe(file);
  }
  const closed = new Promise<void>(resolve => void file.once('close', resolve));

  return {
    write: chunk => {
      if (failure) throw failure;
      if (head.write(chunk)) return undefined;
      return drained(head, closed, () => failure);
    },
    end: async () => {
      head.end();
      await closed;
      if (failure) throw failure;
      return { bytes, sha256: hash.digest('hex') };
    },
    abandon: async () => {
      fail(new Error('abandoned'));
      await closed;
      await underWay;
    },
  };
}

async function drained(stream: Writable, closed: Promise<void>, failure: () => Error | undefined) {
  const stop = new AbortController();
  const drain = once(stream, 'drain', { signal: stop.signal }).catch(() => undefined);
  await Promise.race([drain, closed]);
  stop.abort();
  const error = failure();
  if (error) throw error;
}

/** A nearly full disk accepts fewer bytes than it was given, before it returns an error. */
async function writeAll(handle: FileHandle, chunks: readonly Buffer[], at: number): Promise<void> {
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  let { bytesWritten: done } = await handle.writev([...chunks], at);
  if (done === total) return;
  const all = Buffer.concat(chunks);
  while (done < total) done += (await handle.write(all, done, total - done, at + done)).bytesWritten;
}
