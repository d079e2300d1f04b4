import type { FileHandle } from 'node:fs/promises';
import { batchesTo } from './batches.ts';
import { tailOf, type Tail } from './tail.ts';

/** Number of bytes kept from the end of a log that is too long, but never more than half of the limit. */
const TAIL_BYTES = 4 * 1024 * 1024;
/** Room for the line that marks the gap. */
const CUT_LINE_BYTES = 512;
const LINE_BREAK = 0x0a;

export interface LogFileOptions {
  /** The file never has more bytes than this plus the line that marks the gap. */
  readonly maxBytes: number;
  /** Returns that line, without its line break: this many bytes are omitted, because of a failure or the limit. */
  readonly cutLine: (omitted: number, failure: Error | undefined) => string;
  /**
   * Called with the number of bytes at the beginning of the file that will not change, unless the disk becomes
   * full.
   */
  readonly onAppended?: (size: number) => void;
  /** Frees disk space, if possible, before a failed write is tried once more. */
  readonly makeRoom?: () => Promise<void>;
}

/** A log at one moment: the first bytes of the file, and what would follow them. */
export interface LogSoFar {
  /** Number of the file's bytes. */
  readonly size: number;
  /** The line that marks the gap, and the bytes that are only in memory. Empty for most logs. */
  readonly rest: Buffer;
}

/** A file that is written from beginning to end. Its middle may be omitted. */
export interface LogFile {
  /**
   * Copies the bytes. They are written to disk a few ms later.
   *
   * @returns undefined when more may follow at once; otherwise a promise that settles then, and never rejects
   */
  write(bytes: Buffer): Promise<void> | undefined;
  /** Returns what the file would be if it were completed now. Later writes do not change it. */
  soFar(): Promise<LogSoFar>;
  /** Completes the file. Never rejects; may be called again. */
  end(): Promise<void>;
  /** Why the disk did not accept everything. Undefined if it did. */
  readonly failure: Error | undefined;
}

/**
 * Limits the size of a file. The beginning is written to disk directly. When the limit or the disk allows no
 * more, the last bytes are kept in memory. At the end they are written after a line that says how many bytes
 * are missing. On a full disk they overwrite the end of what was written.
 *
 * @param handle open for reading and writing, and empty; it stays open
 */
export function logFile(
  handle: FileHandle,
  { maxBytes, cutLine, onAppended, makeRoom }: LogFileOptions,
): LogFile {
  const tailBytes = Math.min(TAIL_BYTES, Math.floor(maxBytes / 2));
  const headBytes = maxBytes - tailBytes;
  let size = 0;
  let tail: Tail | undefined;
  let failure: Error | undefined;
  let ended: Promise<void> | undefined;

  /** @returns what the disk did not accept */
  const append = async (bytes: Buffer): Promise<Buffer> => {
    let left = bytes;
    const writeAll = async () => {
      while (left.length > 0) {
        const { bytesWritten } = await handle.write(left, 0, left.length, size);
        size += bytesWritten;
        left = left.subarray(bytesWritten);
      }
    };
    const again = makeRoom && (async () => makeRoom().then(writeAll));
    await writeAll()
      .catch(async (error: unknown) => {
        if (!again || failure) throw error;
        await again();
      })
      .catch((error: unknown) => {
        failure ??= error as Error;
      });
    return left;
  };

  /** Appends what fits, and keeps the rest in memory. */
  const appendOrKeep = async (bytes: Buffer): Promise<void> => {
    const fitting = tail ? 0 : fittingBytes(bytes, headBytes - size);
    const refused = await append(bytes.subarray(0, fitting));
    onAppended?.(size);
    for (const later of [refused, bytes.subarray(fitting)]) {
      // The beginning ends with a complete line. The part of its limit that it does not use belongs to the
      // tail.
      if (later.length > 0)
        (tail ??= tailOf(Math.min(maxBytes - size, TAIL_BYTES + bytes.length))).push(later);
    }
  };
  const batches = batchesTo(appendOrKeep);

  /** Returns the text between the file's first `at` bytes and those that follow. */
  const cutAt = async (at: number, omitted: number): Promise<Buffer> => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, at - 1));
    const inLine = at > 0 && bytesRead === 1 && buffer[0] !== LINE_BREAK;
    return Buffer.from(`${inLine ? '\n' : ''}${cutLine(omitted, failure)}\n`);
  };

  /**
   * @param passed the number of bytes after the file's first `at`. All but the kept ones are omitted
   * @returns whether the disk accepted everything
   */
  const appendCut = async (at: number, passed: number, kept: Buffer): Promise<boolean> =>
    (await append(await cutAt(at, passed - kept.length))).length === 0 && (await append(kept)).length === 0;

  const appendTail = async (tail: Tail): Promise<void> => {
    const { passed } = tail;
    const last = tail.take();
    const head = size;
    if (passed === last.length && (await append(last)).length === 0) {
      // The disk was full only for a moment.
      failure = undefined;
      return;
    }
    if (size === head && (await appendCut(head, passed, fromNextLine(last)))) return;
    // The disk is full. The last bytes on it are worth less than the end of the log.
    const start = Math.min(head, size - Math.min(Math.floor(size / 2), last.length + CUT_LINE_BYTES));
    const room = Math.max(0, size - start - CUT_LINE_BYTES);
    size = start;
    await appendCut(
      start,
      head - start + passed,
      fromNextLine(last.subarray(Math.max(0, last.length - room))),
    );
    await handle.truncate(size);
  };

  const soFar = async (): Promise<LogSoFar> => {
    await batches.flush();
    const at = size;
    const last = tail?.copy();
    if (!tail || !last) return { size: at, rest: Buffer.alloc(0) };
    const { passed } = tail;
    if (passed === last.length) return { size: at, rest: last };
    const kept = fromNextLine(last);
    return { size: at, rest: Buffer.concat([await cutAt(at, passed - kept.length), kept]) };
  };

  const end = async () => {
    try {
      await batches.flush();
      if (tail) await appendTail(tail);
    } catch (error) {
      failure ??= error as Error;
    }
    // Its memory is not needed during the upload.
    tail = undefined;
  };

  return {
    write: batches.add,
    soFar,
    end: () => (ended ??= end()),
    get failure() {
      return failure;
    },
  };
}

/** Returns how many bytes fit: up to the end of the last line that fits, if a line ends in them. */
function fittingBytes(bytes: Buffer, room: number): number {
  if (bytes.length <= room) return bytes.length;
  return bytes.subarray(0, room).lastIndexOf(LINE_BREAK) + 1 || room;
}

/** Returns what follows the first line break, or everything if there is none. */
function fromNextLine(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf(LINE_BREAK) + 1);
}
