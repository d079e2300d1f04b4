import type { FileHandle } from 'node:fs/promises';
import { batchesTo } from './batches.ts';
import { tailOf, type Tail } from './tail.ts';

/** So many of the last bytes are kept of a log that is too long, but never more than half of what is allowed. */
const TAIL_BYTES = 4 * 1024 * 1024;
/** Room for the line that marks the cut. */
const CUT_LINE_BYTES = 512;
const LINE_BREAK = 0x0a;

export interface LogFileOptions {
  /** The file never has more bytes than this and the line that marks the cut. */
  readonly maxBytes: number;
  /** That line, without its break: so many bytes are left out, because of a failure or because of the bound. */
  readonly cutLine: (omitted: number, failure: Error | undefined) => string;
  /** Told how many bytes the beginning of the file has, none of which changes unless the disk becomes full. */
  readonly onAppended?: (size: number) => void;
  /** Gives room on the disk back, if there is any to give, before a write that failed is tried once more. */
  readonly makeRoom?: () => Promise<void>;
}

/** A log at a moment: the first bytes of the file, and what would follow them. */
export interface LogSoFar {
  /** How many of the file's bytes. */
  readonly size: number;
  /** The line that marks what is left out, and what is only kept in memory; empty for most logs. */
  readonly rest: Buffer;
}

/** A file that is written from its beginning to its end, of which the middle may be left out. */
export interface LogFile {
  /**
   * Copies the bytes; they are on their way to the disk a few ms later.
   *
   * @returns undefined when more may come at once; otherwise what settles then, and never rejects
   */
  write(bytes: Buffer): Promise<void> | undefined;
  /** What the file would be if it were completed now. What is written later does not change it. */
  soFar(): Promise<LogSoFar>;
  /** Completes the file. Never rejects; may be called again. */
  end(): Promise<void>;
  /** Why the disk did not take all; undefined when it did. */
  readonly failure: Error | undefined;
}

/**
 * Bounds what is written into a file. The beginning goes straight to the disk. From where the bound, or the disk,
 * allows no more, the last bytes are kept in memory, and written at the end behind a line that says how many are
 * missing. On a full disk they take the place of the last ones that it took.
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

  /** @returns what the disk did not take */
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

  /** Appends what fits, and remembers the rest. */
  const appendOrKeep = async (bytes: Buffer): Promise<void> => {
    const fitting = tail ? 0 : fittingBytes(bytes, headBytes - size);
    const refused = await append(bytes.subarray(0, fitting));
    onAppended?.(size);
    for (const later of [refused, bytes.subarray(fitting)]) {
      // What the beginning, which ends with a line, leaves of its part is the tail's.
      if (later.length > 0)
        (tail ??= tailOf(Math.min(maxBytes - size, TAIL_BYTES + bytes.length))).push(later);
    }
  };
  const batches = batchesTo(appendOrKeep);

  /** What stands between the file's first `at` bytes and those that follow. */
  const cutAt = async (at: number, omitted: number): Promise<Buffer> => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, at - 1));
    const inLine = at > 0 && bytesRead === 1 && buffer[0] !== LINE_BREAK;
    return Buffer.from(`${inLine ? '\n' : ''}${cutLine(omitted, failure)}\n`);
  };

  /**
   * @param passed how many bytes came behind the file's first `at`, of which only those that are kept are not left out
   * @returns whether the disk took all
   */
  const appendCut = async (at: number, passed: number, kept: Buffer): Promise<boolean> =>
    (await append(await cutAt(at, passed - kept.length))).length === 0 && (await append(kept)).length === 0;

  const appendTail = async (tail: Tail): Promise<void> => {
    const { passed } = tail;
    const last = tail.take();
    const head = size;
    if (passed === last.length && (await append(last)).length === 0) {
      // The disk was full for a moment only.
      failure = undefined;
      return;
    }
    if (size === head && (await appendCut(head, passed, fromNextLine(last)))) return;
    // The disk is full: the last bytes that it took are less worth than the log's.
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
    // Its memory is not needed while the file goes up.
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

/** How many of the bytes fit: to the end of the last line that does, if a line ends in them. */
function fittingBytes(bytes: Buffer, room: number): number {
  if (bytes.length <= room) return bytes.length;
  return bytes.subarray(0, room).lastIndexOf(LINE_BREAK) + 1 || room;
}

/** What comes after the first line break; all, when there is none. */
function fromNextLine(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf(LINE_BREAK) + 1);
}
