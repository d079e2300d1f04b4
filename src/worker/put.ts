import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { fullJitter, type Backoff } from '../pulse/index.ts';
import { TaskError } from './outcome.ts';

const TRIES = 8;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

export interface PutOptions {
  readonly contentType: string;
  readonly contentEncoding: 'identity' | 'gzip';
  readonly signal: AbortSignal;
}

/**
 * Uploads a file to a signed URL. S3 needs to know the length beforehand, so the file is one on disk, and complete.
 *
 * @throws TaskError `resource-unavailable` when the last try failed
 */
export async function putFile(url: string, file: string, options: PutOptions): Promise<void> {
  const { size } = await stat(file);
  for (let attempt = 1; ; attempt++) {
    try {
      await putOnce(url, file, size, options);
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (attempt === TRIES) {
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
  { contentType, contentEncoding, signal }: PutOptions,
): Promise<void> {
  // Loaded with the first upload: it costs 5 MB, and 45 ms of the time to start.
  const { request } = await import('undici');
  const response = await request(url, {
    method: 'PUT',
    headers: {
      'content-type': contentType,
      'content-length': String(size),
      ...(contentEncoding === 'gzip' && { 'content-encoding': 'gzip' }),
    },
    body: createReadStream(file),
    signal,
  });
  const answer = await response.body.text();
  // S3 answers some of its own failures with 400, so every refusal is worth another try.
  if (response.statusCode >= 300) throw new Error(`${response.statusCode} ${answer.slice(0, 200)}`);
}

/** Compresses a file into another. */
export async function gzipFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  await pipeline(createReadStream(from), createGzip(), createWriteStream(to, { mode: 0o600 }), { signal });
}
