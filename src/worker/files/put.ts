import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../base/index.ts';
import { viaProxies } from '../../taskcluster/index.ts';
import { isStream, sizeOf, type FileSource } from './file-source.ts';
import { readAhead } from './read-ahead.ts';
import { StreamFailed, streamPieces } from './stream-pieces.ts';
import { TaskError } from '../outcome.ts';

/** A refused or unreadable file may be accepted the next time, but hardly the ninth. */
const TRIES_REFUSED = 8;
/** About ten minutes of an outage. */
const TRIES = 45;
/** An upload without progress for this long (ms) is aborted, because its connection may be half open. */
const STALLED_MS = 120_000;
/**
 * Bytes that the kernel has accepted may not have been sent. By default, Linux holds up to this many per
 * connection.
 */
const KERNEL_BYTES = 4 * 1024 * 1024;
/** The slowest speed at which the kernel's bytes may be sent. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;
/** More than a socket takes before it applies backpressure. */
const PIECE_BYTES = 256 * 1024;
/** Stores answer with nothing, or with a few hundred bytes of XML. */
const LARGEST_ANSWER_BYTES = 64 * 1024;
/** In characters. */
const MAX_QUOTED_LENGTH = 200;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

/** A file to upload. */
export interface Upload {
  /** A file that is open for reading, a few bytes, or a stream, which is opened for each attempt. */
  readonly content: FileSource;
  /** In bytes. Further bytes of a file are not uploaded. A stream must not have more. */
  readonly size: number;
  readonly contentEncoding: 'identity' | 'gzip';
}

/** Creates an upload of unchanged content: the present bytes of an open file, bytes, or a stream of a known size. */
export async function unchangedUpload(content: FileSource, size?: number): Promise<Upload> {
  return {
    content,
    size: Buffer.isBuffer(content) ? content.length : (size ?? (await sizeOf(content))),
    contentEncoding: 'identity',
  };
}

/** The destination of an upload. */
export interface Place {
  /** A signed URL: whoever has it may write. */
  readonly url: string;
  /** Headers for the store, except the length. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /**
   * Requests the destination again, because its URL may have expired. Called after each refusal, before the
   * next attempt.
   */
  readonly freshPlace?: (() => Promise<Place>) | undefined;
  /** Called with the number of bytes that are sent or stored. Each further attempt starts from the beginning. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** Called at the start of each attempt, including the first one. */
  readonly onTry?: (() => void) | undefined;
  /** Called with the SHA-256 of the uploaded content, in hexadecimal. */
  readonly onDigest?: ((sha256: string) => void) | undefined;
  /** How long nothing may move, in ms, before the connection counts as dead. By default two minutes. */
  readonly stalledMs?: number;
  /** The slowest speed at which a store may read. By default 32 KB/s. */
  readonly slowestBytesPerSecond?: number;
}

/** The store has answered and refuses the file. */
class Refused extends Error {}

/**
 * Uploads a file to a signed URL. S3 needs to know the length beforehand, so the file is complete.
 *
 * @throws TaskError `resource-unavailable` when the last attempt has failed, or the URL is not an HTTP URL;
 *   `task-failed` when the stream does not have the given length; or errors of `freshPlace`
 */
export async function putFile(
  firstPlace: Place,
  upload: Pick<Upload, 'content' | 'size'>,
  options: PutOptions,
): Promise<void> {
  let place = firstPlace;
  let refused = 0;
  for (let attempt = 1; ; attempt++) {
    const url = httpUrl(place.url);
    options.onTry?.();
    try {
      await putOnce(url, place.headers, upload, options);
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      const isUnread = error instanceof StreamFailed && error.isRetryable;
      if (error instanceof TaskError && !isUnread) throw error;
      if (error instanceof Refused || isUnread) refused++;
      if (attempt === TRIES || refused === TRIES_REFUSED) {
        if (isUnread) throw error;
        // The URL grants access, so only its host is shown.
        const reason = error instanceof Error ? error.message : String(error);
        throw new TaskError('resource-unavailable', `could not upload to ${url.host}: ${reason}`);
      }
      await sleep(fullJitter(attempt, BACKOFF), undefined, { signal: options.signal });
      if (error instanceof Refused && options.freshPlace) place = await options.freshPlace();
    }
  }
}

function httpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new TaskError(
    'resource-unavailable',
    'could not upload: the queue returned no http or https URL for the upload',
  );
}

async function putOnce(
  url: URL,
  headers: Place['headers'],
  { content, size }: Pick<Upload, 'content' | 'size'>,
  { signal, onDigest, onSent, ...limits }: PutOptions,
): Promise<void> {
  const stall = stallOf(limits);
  const hash = onDigest && createHash('sha256');
  if (Buffer.isBuffer(content)) hash?.update(content);
  const until = AbortSignal.any([signal, stall.signal]);
  // Ends the stream when the store has disconnected or answered early.
  const over = isStream(content) ? new AbortController() : undefined;
  let sent = 0;
  const onPiece = (piece: Buffer) => {
    hash?.update(piece);
    stall.taken(piece.length);
    onSent?.((sent += piece.length));
  };
  try {
    // Loaded with the first upload, because it costs 5 MB and 45 ms of the start.
    const { request } = await import('undici');
    const response = await request(url, {
      method: 'PUT',
      headers: { ...lowercase(headers), 'content-length': String(size) },
      // undici accepts any iterable of bytes, but its types do not say so. It requests a piece when the kernel
      // has the previous one, so the memory of pieces may be reused.
      body: Buffer.isBuffer(content)
        ? content
        : (watched(piecesOf(content, size, until, over), onPiece) as unknown as Readable),
      signal: until,
      ...(await viaProxies()),
    });
    const answer = await beginning(response.body);
    const { statusCode } = response;
    // S3 answers some of its own failures with 400, so a refusal is worth another attempt.
    const reason = `${statusCode} ${answer}`;
    if (statusCode >= 300)
      throw statusCode < 500 && statusCode !== 429 ? new Refused(reason) : new Error(reason);
    if (hash) onDigest?.(hash.digest('hex'));
  } finally {
    stall.end();
    over?.abort();
  }
}

function piecesOf(
  content: Exclude<FileSource, Buffer>,
  size: number,
  signal: AbortSignal,
  over: AbortController | undefined,
): AsyncIterable<Buffer> {
  if (!isStream(content)) return readAhead(content, size, PIECE_BYTES);
  return streamPieces(content, size, over ? AbortSignal.any([signal, over.signal]) : signal);
}

/** A store's header names may have any case, and no header may be sent twice. */
function lowercase(headers: Place['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Returns the beginning of a store's answer, as part of one line. The rest is discarded. */
async function beginning(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) break;
  }
  const text = Buffer.concat(chunks).toString().slice(0, MAX_QUOTED_LENGTH);
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

/** Yields a file's content, and reports each piece when the next one is requested. */
async function* watched(pieces: AsyncIterable<Buffer>, onPiece: (piece: Buffer) => void) {
  for await (const piece of pieces) {
    yield piece;
    onPiece(piece);
  }
}

/**
 * Aborts an upload without progress. The only visible progress is that the kernel accepts more bytes. The bytes
 * that it holds then still have to be sent, which may take long without another sign, so the time limit covers
 * that as well.
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
      stalled.abort(new Error(`nothing was sent for ${Math.round(limitMs / 1_000)} s`));
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
