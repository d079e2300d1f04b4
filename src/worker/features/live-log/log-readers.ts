import type { Observable } from 'rxjs';
import type { SharedRate } from './shared-rate.ts';

/** A log that is written while it is read. */
export interface FollowedLog {
  /** The log's file. */
  readonly handle: {
    read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  };
  /** The number of bytes in the file that will not change any more. Completes when the log is complete. */
  readonly size$: Observable<number>;
}

/** A reader of a log. */
export interface Reader {
  /** @param taken called once, when the reader has room for more */
  write(bytes: Buffer, taken: () => void): void;
  /** Called when there are no more bytes. */
  end(): void;
  /** Called when the rest cannot be delivered. */
  breakOff(): void;
}

/** The readers of one log. Each gets every byte of its range, as fast as it takes them. */
export interface LogReaders {
  readonly size: number;
  readonly isComplete: boolean;
  /**
   * @param start the position of the first byte
   * @param end the position after the last byte; Infinity for the end of the log
   * @returns a function that removes the reader
   */
  add(reader: Reader, start: number, end: number): () => void;
  /** Settles when the log is complete and has no readers any more. */
  readonly done: Promise<void>;
  /** Disconnects all remaining readers. */
  readonly close: () => void;
}

interface Reading {
  readonly reader: Reader;
  at: number;
  readonly end: number;
  /** When the write in progress began, in ms. Undefined if there is none. */
  busySince: number | undefined;
}

/** The maximum that one reader holds in memory, and the maximum size of one read, in bytes. */
const PIECE_BYTES = 64 * 1024;
/** How often new bytes are sent to readers that are up to date, in ms. Everything in between goes into one write. */
const TOGETHER_MS = 20;
/** A reader that takes nothing for this long is disconnected, in ms. */
const STALLED_MS = 10 * 60_000;
const CHECK_MS = 30_000;

/**
 * Lets any number of readers follow a log. The file is read for one reader at a time. The log itself is written by the
 * same threads, and therefore never waits for more than one read. Readers at the same position share the same buffer.
 */
export function logReaders({ handle, size$ }: FollowedLog, rate: SharedRate): LogReaders {
  const all = new Set<Reading>();
  /** Readers that can take more and have more to read. */
  const ready = new Set<Reading>();
  /** Readers that have read everything so far. */
  const waiting = new Set<Reading>();
  const done = Promise.withResolvers<void>();
  let size = 0;
  let isComplete = false;
  let piece = { at: 0, bytes: Buffer.alloc(0) };
  let isServing = false;
  let servedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let check: NodeJS.Timeout | undefined;

  const remove = (reading: Reading) => {
    for (const set of [all, ready, waiting]) set.delete(reading);
    if (all.size > 0) return;
    clearInterval(check);
    check = undefined;
    if (isComplete) done.resolve();
  };

  const read = async (at: number, length: number): Promise<Buffer> => {
    if (at < piece.at || at >= piece.at + piece.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size - at));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
      piece = { at, bytes: bytes.subarray(0, bytesRead) };
    }
    return piece.bytes.subarray(at - piece.at, at - piece.at + length);
  };

  /** Handles a reader for which there is nothing to read now. */
  const endOrWait = (reading: Reading) => {
    if (isComplete || reading.at >= reading.end) {
      remove(reading);
      reading.reader.end();
    } else waiting.add(reading);
  };
  const serveOne = async (reading: Reading): Promise<void> => {
    const { at, end } = reading;
    const available = Math.min(end, size) - at;
    if (available <= 0) {
      endOrWait(reading);
      return;
    }
    const bytes = await read(at, available);
    await rate.take(bytes.length);
    if (!all.has(reading)) return;
    // Bytes were taken back because the disk is full. What replaces them is known when the log is complete.
    if (bytes.length === 0) {
      endOrWait(reading);
      return;
    }
    reading.at += bytes.length;
    reading.busySince = performance.now();
    reading.reader.write(bytes, () => {
      reading.busySince = undefined;
      if (!all.has(reading)) return;
      ready.add(reading);
      void serve();
    });
  };

  const serve = async (): Promise<void> => {
    if (isServing) return;
    isServing = true;
    for (const reading of ready) {
      ready.delete(reading);
      try {
        await serveOne(reading);
      } catch {
        remove(reading);
        reading.reader.breakOff();
      }
    }
    isServing = false;
  };

  const wakeAll = () => {
    clearTimeout(timer);
    timer = undefined;
    servedAt = performance.now();
    for (const reading of waiting) ready.add(reading);
    waiting.clear();
    void serve();
  };
  const subscription = size$.subscribe({
    next: now => {
      size = now;
      if (waiting.size > 0)
        timer ??= setTimeout(wakeAll, Math.max(0, servedAt + TOGETHER_MS - performance.now()));
    },
    complete: () => {
      isComplete = true;
      wakeAll();
      if (all.size === 0) done.resolve();
    },
  });

  const breakOff = (reading: Reading) => {
    remove(reading);
    reading.reader.breakOff();
  };
  const breakOffStalled = () => {
    const since = performance.now() - STALLED_MS;
    for (const reading of all) if ((reading.busySince ?? Infinity) < since) breakOff(reading);
  };

  return {
    get size() {
      return size;
    },
    get isComplete() {
      return isComplete;
    },
    add: (reader, start, end) => {
      const reading: Reading = { reader, at: start, end, busySince: undefined };
      all.add(reading);
      ready.add(reading);
      check ??= setInterval(breakOffStalled, CHECK_MS).unref();
      void serve();
      return () => {
        remove(reading);
      };
    },
    done: done.promise,
    close: () => {
      subscription.unsubscribe();
      clearTimeout(timer);
      for (const reading of all) breakOff(reading);
      done.resolve();
    },
  };
}
