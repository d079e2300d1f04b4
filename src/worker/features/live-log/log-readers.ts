import type { Observable } from 'rxjs';
import type { SharedRate } from './shared-rate.ts';

/** A log that is written while it is read. */
export interface FollowedLog {
  /** The file. */
  readonly handle: {
    read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  };
  /** How many bytes the file has that do not change any more. Completes with the log. */
  readonly size$: Observable<number>;
}

/** Somebody who reads. */
export interface Reader {
  /** @param taken is called when there is room for more, once */
  write(bytes: Buffer, taken: () => void): void;
  /** There are no more bytes. */
  end(): void;
  /** The rest cannot be had. */
  breakOff(): void;
}

/** Those who read one log. Each gets every byte, as fast as it takes them. */
export interface LogReaders {
  readonly size: number;
  readonly isComplete: boolean;
  /**
   * @param start the first byte
   * @param end behind the last one; Infinity for all that there will be
   * @returns what takes the reader away
   */
  add(reader: Reader, start: number, end: number): () => void;
  /** Settles when the log is complete and nobody reads any more. */
  readonly done: Promise<void>;
  /** Breaks off whoever still reads. */
  readonly close: () => void;
}

interface Reading {
  readonly reader: Reader;
  at: number;
  readonly end: number;
  /** Since when a write has not been taken, in ms; undefined while there is none. */
  busySince: number | undefined;
}

/** The most that one reader holds in memory, and that is read at once. */
const PIECE_BYTES = 64 * 1024;
/** Readers who have all are told of more this often, in ms: what comes in between goes out in one write. */
const TOGETHER_MS = 20;
/** A reader who takes nothing for so long is broken off, in ms. */
const STALLED_MS = 10 * 60_000;
const CHECK_MS = 30_000;

/**
 * Lets any number of readers follow a log. The file is read for one of them at a time, so that the log itself, which is written by the
 * same threads, never waits for more than one read. Readers at the same place get the same bytes of memory.
 */
export function logReaders({ handle, size$ }: FollowedLog, rate: SharedRate): LogReaders {
  const all = new Set<Reading>();
  /** Those who can take more, and for whom there is more. */
  const ready = new Set<Reading>();
  /** Those who have all that there is. */
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

  /** There is nothing for the reader now. */
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
    // A full disk took bytes back. What the log has instead is known when it is complete.
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
