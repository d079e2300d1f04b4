import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../pulse/index.ts';
import { filePieces } from './file-pieces.ts';
import { TaskError } from '../outcome.ts';

/** What the store refuses, it may take the next time, but hardly the ninth. */
const TRIES_REFUSED = 8;
/** About ten minutes of an outage. */
const TRIES = 45;
/** An upload that gets nowhere for so long (ms) is cut off: a connection may be half open. */
const STALLED_MS = 120_000;
/** What the kernel takes of a connection's bytes has not left yet: by default Linux holds up to so many of them. */
const KERNEL_BYTES = 4 * 1024 * 1024;
/** What the kernel holds may leave so slowly. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;
const READ_BYTES = 64 * 1024;
/** Stores answer with nothing, or with a few hundred bytes of XML. */
const LARGEST_ANSWER_BYTES = 64 * 1024;
/** In characters. */
const TOLD_OF_ANSWER = 200;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

/** A file as it goes up. */
export interface Upload {
  /** Open for reading; its bytes, where they are few. */
  readonly content: FileHandle | Buffer;
  readonly contentEncoding: 'identity' | 'gzip';
}

export interface PutOptions {
  readonly contentType: string;
  readonly contentEncoding: Upload['contentEncoding'];
  readonly signal: AbortSignal;
  /** How long nothing may move, in ms, until the connection counts as dead: two minutes by default. */
  readonly stalledMs?: number;
  /** How slow a store may be in reading what is on its way to it; 32 KB/s by default. */
  readonly slowestBytesPerSecond?: number;
}

/** The store has answered, and does not want the file. */
class Refused extends Error {}

/**
 * Uploads a file to a signed URL. S3 needs to know the length beforehand, so the file is complete.
 *
 * @throws TaskError `resource-unavailable` when the last try failed, or the URL is not one of HTTP
 */
export async function putFile(url: string, content: Upload['content'], options: PutOptions): Promise<void> {
  const host = hostOf(url);
  const size = Buffer.isBuffer(content) ? content.length : (await content.stat()).size;
  let refused = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await putOnce(url, content, size, options);
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof TaskError) throw error;
      if (error instanceof Refused) refused++;
      if (attempt === TRIES || refused === TRIES_REFUSED) {
        // The URL is a secret of sorts: whoever has it may write. Only its host is told.
        const reason = error instanceof Error ? error.message : String(error);
        throw new TaskError('resource-unavailable', `could not upload to ${host}: ${reason}`);
      }
      await sleep(fullJitter(attempt, BACKOFF), undefined, { signal: options.signal });
    }
  }
}

function hostOf(url: string): string {
  const { protocol, host } = URL.parse(url) ?? {};
  if (host !== undefined && (protocol === 'http:' || protocol === 'https:')) return host;
  throw new TaskError(
    'resource-unavailable',
    'could not upload: the queue gave no http or https URL to upload to',
  );
}

async function putOnce(
  url: string,
  content: Upload['content'],
  size: number,
  { contentType, contentEncoding, signal, ...limits }: PutOptions,
): Promise<void> {
  const stall = stallOf(limits);
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
      body: Buffer.isBuffer(content)
        ? content
        : Readable.from(watched(content, size, stall.taken), { objectMode: false }),
      signal: AbortSignal.any([signal, stall.signal]),
    });
    const answer = await beginning(response.body);
    const { statusCode } = response;
    // S3 answers some of its own failures with 400, so a refusal is worth another try, too.
    const reason = `${statusCode} ${answer}`;
    if (statusCode >= 300)
      throw statusCode < 500 && statusCode !== 429 ? new Refused(reason) : new Error(reason);
  } finally {
    stall.end();
  }
}

/** How a store's answer begins, as a part of one line. The rest is not taken. */
async function beginning(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) break;
  }
  const text = Buffer.concat(chunks).toString().slice(0, TOLD_OF_ANSWER);
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

/** A file's content, and a word for each piece that is taken of it. */
async function* watched(file: FileHandle, size: number, onTaken: (bytes: number) => void) {
  for await (const piece of filePieces(file, size, () => Buffer.allocUnsafeSlow(READ_BYTES))) {
    yield piece;
    onTaken(piece.length);
  }
}

/**
 * Aborts an upload that gets nowhere. All that can be seen of one is when the kernel takes more bytes. What it holds then
 * still has to leave, and may do so for long without another sign, so the time that is given is for that too.
 */
function stallOf({
  stalledMs = STALLED_MS,
  slowestBytesPerSecond = SLOWEST_BYTES_PER_SECOND,
}: Pick<PutOptions, 'stalledMs' | 'slowestBytesPerSecond'>) {
  const stalled = new AbortController();
  let taken = 0;
  let timer: NodeJS.Timeout | undefined;
  const restart = () => {
    clearTimeout(timer);
    const held = Math.min(taken, KERNEL_BYTES);
    const limitMs = stalledMs + (held / slowestBytesPerSecond) * 1_000;
    timer = setTimeout(() => {
      stalled.abort(new Error(`nothing moved for ${Math.round(limitMs / 1_000)} s`));
    }, limitMs);
  };
  restart();
  return {
    signal: stalled.signal,
    taken: (bytes: number) => {
      taken += bytes;
      restart();
    },
    end: () => {
      clearTimeout(timer);
    },
  };
}
