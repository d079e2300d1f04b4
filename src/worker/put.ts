import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip, gzipSync, type ZlibOptions } from 'node:zlib';
import { fullJitter, type Backoff } from '../pulse/index.ts';
import { TaskError } from './outcome.ts';
import { shortageOf } from './shortage.ts';

/** What the store refuses, it may take the next time, but hardly the ninth. */
const TRIES_REFUSED = 8;
/** About ten minutes of an outage. */
const TRIES = 45;
/** An upload that gets nowhere for so long (ms) is cut off: a connection may be half open. */
const STALLED_MS = 120_000;
const READ_BYTES = 256 * 1024;
/** A file of up to so many bytes is compressed in memory, in less than a ms. */
const SMALL_BYTES = 32 * 1024;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

export interface PutOptions {
  readonly contentType: string;
  readonly contentEncoding: 'identity' | 'gzip';
  readonly signal: AbortSignal;
  /** How long nothing may move, in ms, until the connection counts as dead: two minutes by default. */
  readonly stalledMs?: number;
}

/** The store has answered, and does not want the file. */
class Refused extends Error {}

/**
 * Uploads a file to a signed URL. S3 needs to know the length beforehand, so the file is complete.
 *
 * @param content the whole path of the file, or its bytes
 * @throws TaskError `resource-unavailable` when the last try failed
 */
export async function putFile(url: string, content: Upload['content'], options: PutOptions): Promise<void> {
  const size = typeof content === 'string' ? (await stat(content)).size : content.length;
  let refused = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await putOnce(url, content, size, options);
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof Refused) refused++;
      if (attempt === TRIES || refused === TRIES_REFUSED) {
        // The URL is a secret of sorts: whoever has it may write. Only its host is told.
        const reason = error instanceof Error ? error.message : String(error);
        throw new TaskError('resource-unavailable', `could not upload to ${new URL(url).host}: ${reason}`);
      }
      await sleep(fullJitter(attempt, BACKOFF), undefined, { signal: options.signal });
    }
  }
}

async function putOnce(
  url: string,
  content: Upload['content'],
  size: number,
  { contentType, contentEncoding, signal, stalledMs = STALLED_MS }: PutOptions,
): Promise<void> {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Error(`nothing moved for ${stalledMs / 1_000} s`));
  }, stalledMs);
  try {
    // Loaded with the first upload: it costs 5 MB, and 45 ms of the time to start.
    const { request } = await import('undici');
    const response = await request(url, {
      method: 'PUT',
      headers: {
        'content-type': contentType,
        'content-length': String(size),
        ...(contentEncoding === 'gzip' && { 'content-encoding': 'gzip' }),
      },
      body:
        typeof content === 'string'
          ? Readable.from(
              watched(content, () => timer.refresh()),
              { objectMode: false },
            )
          : content,
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    const answer = await response.body.text();
    const { statusCode } = response;
    // S3 answers some of its own failures with 400, so a refusal is worth another try, too.
    const reason = `${statusCode} ${answer.slice(0, 200)}`;
    if (statusCode >= 300)
      throw statusCode < 500 && statusCode !== 429 ? new Refused(reason) : new Error(reason);
  } finally {
    clearTimeout(timer);
  }
}

/** A file's content, and a word for each piece that is taken of it. */
async function* watched(file: string, onPiece: () => void): AsyncGenerator<Buffer> {
  for await (const piece of createReadStream(file)) {
    onPiece();
    yield piece as Buffer;
  }
}

/** A file as it goes up. */
export interface Upload {
  /** The whole of its path; its bytes, where they are few. */
  readonly content: string | Buffer;
  readonly contentEncoding: 'identity' | 'gzip';
}

/** Compresses a file into another, a small one in memory. Where the disk has no room for that, the file goes up as it is. */
export async function gzipped(file: string, zipped: string, signal: AbortSignal): Promise<Upload> {
  if ((await stat(file)).size <= SMALL_BYTES) {
    const content = gzipSync(await readFile(file, { signal }));
    return { content, contentEncoding: 'gzip' };
  }
  try {
    // With this mark, a chunk is asked for only when the one before it has been used up.
    const gzip = createGzip({ highWaterMark: 1 } as ZlibOptions);
    const target = createWriteStream(zipped, { mode: 0o600 });
    await pipeline(contentOf(file), gzip, target, { signal });
    return { content: zipped, contentEncoding: 'gzip' };
  } catch (error) {
    await rm(zipped, { force: true });
    if (shortageOf(error) !== 'disk space') throw error;
    return { content: file, contentEncoding: 'identity' };
  }
}

/** A file piece by piece, each in the memory of the one before it: a long file else fills memory faster than it is freed. */
async function* contentOf(file: string): AsyncGenerator<Buffer> {
  await using handle = await open(file);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
