import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { fullJitter, type Backoff } from '../pulse/index.ts';
import { TaskError } from './outcome.ts';

/** What the store refuses, it may take the next time, but hardly the ninth. */
const TRIES_REFUSED = 8;
/** About ten minutes of an outage. */
const TRIES = 45;
/** An upload that gets nowhere for so long (ms) is cut off: a connection may be half open. */
const STALLED_MS = 120_000;
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
 * Uploads a file to a signed URL. S3 needs to know the length beforehand, so the file is one on disk, and complete.
 *
 * @throws TaskError `resource-unavailable` when the last try failed
 */
export async function putFile(url: string, file: string, options: PutOptions): Promise<void> {
  const { size } = await stat(file);
  let refused = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await putOnce(url, file, size, options);
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
  file: string,
  size: number,
  { contentType, contentEncoding, signal, stalledMs = STALLED_MS }: PutOptions,
): Promise<void> {
  // Loaded with the first upload: it costs 5 MB, and 45 ms of the time to start.
  const { request } = await import('undici');
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Error(`nothing moved for ${stalledMs / 1_000} s`));
  }, stalledMs);
  try {
    const response = await request(url, {
      method: 'PUT',
      headers: {
        'content-type': contentType,
        'content-length': String(size),
        ...(contentEncoding === 'gzip' && { 'content-encoding': 'gzip' }),
      },
      body: Readable.from(
        watched(file, () => timer.refresh()),
        { objectMode: false },
      ),
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

/** Compresses a file into another. */
export async function gzipFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  await pipeline(createReadStream(from), createGzip(), createWriteStream(to, { mode: 0o600 }), { signal });
}
