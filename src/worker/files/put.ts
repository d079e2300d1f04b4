import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../base/index.ts';
import { isStream, sizeOf, type FileSource } from './file-source.ts';
import { readAhead } from './read-ahead.ts';
import { StreamFailed, streamPieces } from './stream-pieces.ts';
import { TaskError } from '../outcome.ts';

/** What the store refuses, or what cannot be read, may go up the next time, but hardly the ninth. */
const TRIES_REFUSED = 8;
/** About ten minutes of an outage. */
const TRIES = 45;
/** An upload that gets nowhere for so long (ms) is cut off: a connection may be half open. */
const STALLED_MS = 120_000;
/** What the kernel takes of a connection's bytes has not left yet: by default Linux holds up to so many of them. */
const KERNEL_BYTES = 4 * 1024 * 1024;
/** What the kernel holds may leave so slowly. */
const SLOWEST_BYTES_PER_SECOND = 32 * 1024;
/** More than a socket takes before it wants to wait. */
const PIECE_BYTES = 256 * 1024;
/** Stores answer with nothing, or with a few hundred bytes of XML. */
const LARGEST_ANSWER_BYTES = 64 * 1024;
/** In characters. */
const TOLD_OF_ANSWER = 200;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

/** A file as it goes up. */
export interface Upload {
  /** Open for reading; its bytes, where they are few; or a stream, which is opened for each try. */
  readonly content: FileSource;
  /** In bytes. What a file has beyond that is not uploaded; a stream must not have more. */
  readonly size: number;
  readonly contentEncoding: 'identity' | 'gzip';
}

/** Takes what an open file has by now, or bytes, or a stream of a known size, as they are. */
export async function asItIs(content: FileSource, size?: number): Promise<Upload> {
  return {
    content,
    size: Buffer.isBuffer(content) ? content.length : (size ?? (await sizeOf(content))),
    contentEncoding: 'identity',
  };
}

/** Where a file goes. */
export interface Place {
  /** Signed: whoever has it may write. */
  readonly url: string;
  /** What the store is told with the content, beside its length. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /** Asks for the place again, since its URL may have expired. Called after each refusal, before the next try. */
  readonly freshPlace?: (() => Promise<Place>) | undefined;
  /** Told how many bytes are on their way or there; from the beginning again with each further try. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** Told when a try begins, the first one included. */
  readonly onTry?: (() => void) | undefined;
  /** Told the SHA-256 of what was uploaded, in hexadecimal, which is computed on the way. */
  readonly onDigest?: ((sha256: string) => void) | undefined;
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
 * @throws TaskError `resource-unavailable` when the last try failed, or the URL is not one of HTTP; `task-failed` when the
 * stream has not the length that was said; or what `freshPlace` throws
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
      const isUnread = error instanceof StreamFailed && error.isWorthAnotherTry;
      if (error instanceof TaskError && !isUnread) throw error;
      if (error instanceof Refused || isUnread) refused++;
      if (attempt === TRIES || refused === TRIES_REFUSED) {
        if (isUnread) throw error;
        // The URL is a secret of sorts. Only its host is told.
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
    'could not upload: the queue gave no http or https URL to upload to',
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
  // Nobody reads a stream any more when the store has hung up, or answered early.
  const over = isStream(content) ? new AbortController() : undefined;
  let sent = 0;
  const onPiece = (piece: Buffer) => {
    hash?.update(piece);
    stall.taken(piece.length);
    onSent?.((sent += piece.length));
  };
  try {
    // Loaded with the first upload: it costs 5 MB, and 45 ms of the time to start.
    const { request } = await import('undici');
    const response = await request(url, {
      method: 'PUT',
      headers: { ...lowercase(headers), 'content-length': String(size) },
      // undici takes whatever gives bytes, though its types do not say so. It asks for a piece when the kernel has the one
      // before it, so that pieces may be lent.
      body: Buffer.isBuffer(content)
        ? content
        : (watched(piecesOf(content, size, until, over), onPiece) as unknown as Readable),
      signal: until,
    });
    const answer = await beginning(response.body);
    const { statusCode } = response;
    // S3 answers some of its own failures with 400, so a refusal is worth another try, too.
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

/** What a store wants to be told has names in either case, and no header may go out twice. */
function lowercase(headers: Place['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
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

/** A file's content; each piece is told of when the one after it is asked for. */
async function* watched(pieces: AsyncIterable<Buffer>, onPiece: (piece: Buffer) => void) {
  for await (const piece of pieces) {
    yield piece;
    onPiece(piece);
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
