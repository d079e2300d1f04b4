import { Readable } from 'node:stream';
import { unlessAborted } from '../../base/index.ts';
import { TaskError, type TaskErrorKind } from '../outcome.ts';
import type { StreamSource } from './file-source.ts';

/** A stream broke, or did not have the given size. */
export class StreamFailed extends TaskError {
  /** Whether opening the stream again may help. */
  readonly isRetryable: boolean;

  constructor(kind: TaskErrorKind, message: string, isRetryable: boolean, options?: ErrorOptions) {
    super(kind, message, options);
    this.isRetryable = isRetryable;
  }
}

/**
 * Opens a stream and yields all its bytes. The last piece is yielded only when the stream has ended, so the
 * beginning of a longer stream cannot be mistaken for the whole.
 *
 * @param size required number of bytes
 * @param signal ends the stream at once, even while it is being waited for
 * @throws StreamFailed when the stream breaks, or has more or fewer bytes; or the signal's reason
 */
export async function* streamPieces(
  source: StreamSource,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const stream = await unlessBroken(opened(source, signal), signal);
  const iterator = stream[Symbol.asyncIterator]();
  try {
    let total = 0;
    let last: Buffer | undefined;
    for (;;) {
      const next = await unlessBroken(unlessAborted(iterator.next(), signal), signal);
      if (next.done) break;
      const piece = next.value;
      total += piece.length;
      if (total > size) throw lengthDiffers('more', size);
      if (piece.length === 0) continue;
      if (total < size) yield piece;
      else last = piece;
    }
    if (total < size) throw lengthDiffers(`only ${total}`, size);
    if (last) yield last;
  } finally {
    end(stream, iterator);
  }
}

async function opened(source: StreamSource, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  signal.throwIfAborted();
  const opening = source.open(signal);
  try {
    const stream = await unlessAborted(opening, signal);
    // An error is thrown to the reader of the stream. It may also come when the output is no longer read.
    if (stream instanceof Readable) stream.on('error', () => undefined);
    return stream;
  } catch (error) {
    // It may still be opened, too late.
    opening.then(
      late => {
        end(late, late[Symbol.asyncIterator]());
      },
      () => undefined,
    );
    throw error;
  }
}

async function unlessBroken<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TaskError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StreamFailed('resource-unavailable', `could not be read: ${reason}`, true, { cause: error });
  }
}

/** Does not wait for the end: a generator that waits for its next piece would end only after it. */
function end(stream: AsyncIterable<Buffer>, iterator: AsyncIterator<Buffer>): void {
  if (stream instanceof Readable) stream.on('error', () => undefined).destroy();
  else iterator.return?.().catch(() => undefined);
}

function lengthDiffers(found: string, size: number): StreamFailed {
  const message = `has ${found} bytes instead of the announced ${size}: it changed, or was truncated`;
  return new StreamFailed('task-failed', message, false);
}
