import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Backoff } from '../../../base/index.ts';
import { longTimer } from '../../../streams/index.ts';
import { TaskError } from '../../outcome.ts';
import { shortageOf } from '../../shortage.ts';
import { contentFile, type ContentFile, type Written } from './content-file.ts';
import type { DiskRoom } from './disk-room.ts';
import { httpGet, NotDownloadable, type HttpAnswer } from './http-get.ts';
import { readAnswer, type Answer } from './read-answer.ts';
import { stallWatch, type StallWatch } from './stall-watch.ts';

/** The present location of content. */
export interface Located {
  readonly url: string;
  /** The SHA-256 according to the storage, in hexadecimal. */
  readonly sha256?: string | undefined;
}

export interface FetchOptions {
  /** Called before each attempt, because URLs may be signed and expire. */
  readonly locate: (signal: AbortSignal) => Promise<Located>;
  readonly room: DiskRoom;
  readonly signal: AbortSignal;
  /** Called with the reason of a failed attempt that will be repeated. */
  readonly onRetry?: (reason: string) => void;
  readonly limits?: FetchLimits | undefined;
}

export interface FetchLimits {
  /** How long a server may send next to nothing, in ms. By default two minutes. */
  readonly stalledMs?: number;
  /** Number of attempts without progress. By default 12, in about a minute and a half. */
  readonly tries?: number;
  /** Time limit for the whole download, in ms. By default none. */
  readonly longestMs?: number;
  readonly backoff?: Backoff;
}

/** An attempt that brings this many bytes more than any before, and can be resumed, resets the count of attempts. */
const PROGRESS_BYTES = 1024 * 1024;
const STALLED_MS = 120_000;
const TRIES = 12;
const BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };
/** Statuses below 500 that may be temporary. */
const TEMPORARY = [408, 425, 429];

/** An attempt failed, and another may succeed. It starts from the beginning. */
class TryFailed extends Error {}

/** The same, but the received part is kept, and the next attempt may resume. */
class Cut extends TryFailed {}

/** What earlier attempts have brought. */
interface Partial {
  readonly file: ContentFile;
  readonly answer: Answer;
  /** In bytes as received, before decompression. */
  received: number;
}

/** The present partial content of one download. */
interface Held {
  partial?: Partial | undefined;
}

/**
 * Downloads content into a file. It retries when a connection breaks or a server has a problem, and resumes if
 * the server allows that and the content has not changed.
 *
 * @param handle open for writing; its content is replaced
 * @throws NotDownloadable, TaskError `resource-unavailable` when the disk is full, errors of `locate`, or the
 *   reason of the signal
 */
export async function fetchContent(handle: FileHandle, options: FetchOptions): Promise<Written> {
  const { longestMs } = options.limits ?? {};
  if (longestMs === undefined) return tried(handle, options);
  const tooLong = new AbortController();
  const seconds = Math.round(longestMs / 1_000);
  const timer = longTimer(longestMs).subscribe(() => {
    tooLong.abort(new NotDownloadable(`it was not complete after ${seconds} s`));
  });
  try {
    return await tried(handle, { ...options, signal: AbortSignal.any([options.signal, tooLong.signal]) });
  } finally {
    timer.unsubscribe();
  }
}

async function tried(handle: FileHandle, options: FetchOptions): Promise<Written> {
  const { signal, limits: { tries = TRIES, backoff = BACKOFF } = {} } = options;
  const held: Held = {};
  /** A server that starts from the beginning again and again makes no progress, however much it sends. */
  let most = 0;
  try {
    for (let failed = 0; ;) {
      try {
        return await attempt(handle, held, options);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof TryFailed)) throw error;
        if (!(error instanceof Cut)) await drop(held);
        const received = resumable(held.partial)?.received ?? 0;
        const hasProgress = received - most >= PROGRESS_BYTES;
        most = Math.max(most, received);
        failed = hasProgress ? 1 : failed + 1;
        if (failed >= tries) throw new NotDownloadable(`${error.message} (tried ${failed} times)`);
        options.onRetry?.(error.message);
        await sleep(fullJitter(failed, backoff), undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
      }
    }
  } finally {
    await drop(held);
  }
}

async function drop(held: Held): Promise<void> {
  await held.partial?.file.abandon();
  held.partial = undefined;
}

async function attempt(handle: FileHandle, held: Held, options: FetchOptions): Promise<Written> {
  const located = await options.locate(options.signal);
  const { file } = await receive(handle, located.url, held, options);
  const written = await file.end().catch(asDamaged);
  if (located.sha256 === undefined || located.sha256 === written.sha256) return written;
  throw new TryFailed(`the content was damaged in transit: its SHA-256 is ${written.sha256}`);
}

async function receive(
  handle: FileHandle,
  url: string,
  held: Held,
  { signal, room, limits: { stalledMs = STALLED_MS } = {} }: FetchOptions,
): Promise<Partial> {
  using stall = stallWatch(stalledMs);
  let got: HttpAnswer | undefined;
  try {
    const resumed = resumable(held.partial);
    const answered = await httpGet(url, headersFor(resumed), AbortSignal.any([signal, stall.signal]));
    got = answered;
    refuse(answered);
    const present = await stall.busyWith(() => open(handle, held, resumed, answered, room));
    await take(answered, present, stall);
    return present;
  } catch (error) {
    if (isFinal(error) || error instanceof TryFailed) throw error;
    const reason: unknown = stall.signal.aborted ? stall.signal.reason : error;
    const message = `${got?.host ?? hostOf(url)}: ${words(reason)}`;
    throw isAboutCertificate(error) ? new NotDownloadable(message) : new Cut(message);
  } finally {
    got?.body.destroy();
  }
}

/** Returns the received part, if the server can be asked for the rest of exactly this content. */
function resumable(partial: Partial | undefined): Partial | undefined {
  return partial?.answer.validator !== undefined && partial.received > 0 ? partial : undefined;
}

function headersFor(resumed: Partial | undefined): Record<string, string> {
  return {
    // Content that is compressed on the fly cannot be resumed.
    'accept-encoding': 'identity',
    'user-agent': 'tcw',
    ...(resumed && { range: `bytes=${resumed.received}-`, 'if-range': resumed.answer.validator ?? '' }),
  };
}

/** @throws when the answer is not the content */
function refuse({ statusCode, host }: HttpAnswer): void {
  if (statusCode === 200 || statusCode === 206) return;
  const reason = `${host} answered ${statusCode}`;
  // The content has become shorter, so the requested range does not exist.
  if (statusCode === 416) throw new TryFailed(reason);
  throw statusCode >= 500 || TEMPORARY.includes(statusCode) ? new Cut(reason) : new NotDownloadable(reason);
}

/** Returns the partial content that an answer continues: the earlier one, or a new one. */
async function open(
  handle: FileHandle,
  held: Held,
  resumed: Partial | undefined,
  got: HttpAnswer,
  room: DiskRoom,
): Promise<Partial> {
  const answer = readAnswer(got);
  if (resumed?.received === answer.from && answer.continues(resumed.answer)) return resumed;
  if (answer.from !== 0) throw new TryFailed(`${got.host} sent another part than requested`);
  await drop(held);
  if (answer.total !== undefined) await room.need(answer.total);
  const file = await contentFile(handle, answer.encoding, () => room.need(0));
  return (held.partial = { file, answer, received: 0 });
}

async function take({ host, body }: HttpAnswer, partial: Partial, stall: StallWatch): Promise<void> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    stall.moved(chunk.length);
    partial.received += chunk.length;
    const more = write(partial.file, chunk);
    if (more) await stall.busyWith(() => more);
  }
  const { received, answer } = partial;
  const { total = received } = answer;
  if (received < total) throw new Cut(`${host} sent ${received} bytes, but had announced ${total}`);
  if (received > total) throw new TryFailed(`${host} sent ${received} bytes, but had announced ${total}`);
}

/** @returns a promise that settles when there is room for more; undefined if there is */
function write(file: ContentFile, chunk: Buffer): Promise<void> | undefined {
  try {
    return file.write(chunk)?.catch(asDamaged);
  } catch (error) {
    return asDamaged(error);
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof NotDownloadable || error instanceof TaskError || shortageOf(error) !== undefined;
}

/** The content does not match its own encoding. */
function asDamaged(error: unknown): never {
  throw isFinal(error) ? error : new TryFailed(`the content is damaged: ${words(error)}`);
}

/** A certificate that is wrong now will be wrong a minute later. */
function isAboutCertificate(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code);
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'no host';
}

function words(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return [message, code, 'the connection failed'].find(Boolean) ?? '';
}
