import { randomBytes } from 'node:crypto';
import { unlink, type FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { BehaviorSubject, type Observable } from 'rxjs';
import type { Secret } from '../../base/index.ts';
import { followingZip } from '../files/following-zip.ts';
import { namelessFile, newFile, unlessMissing } from '../files/new-file.ts';
import { logFile, type LogSoFar } from './log-file.ts';
import { redaction } from './redaction.ts';
import { cutLine } from './lines.ts';

/** Limit for output that waits for the disk. */
const WAITING_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;
const LINE_BREAK = Buffer.from([LINE_FEED]);

/**
 * The log of one run, in generic-worker's format: lines of the worker begin with `[taskcluster <time>]`, and
 * the output of commands is unchanged. It is written to disk at once, after the redaction of secrets. The
 * worker's lines always start a new line, because tools look for `[taskcluster` at the start of lines.
 */
export interface TaskLog {
  /** Receives the commands' output. It is slow when the disk is. */
  readonly output: Writable;
  /** The path of the log. A task may have replaced the file, so read it through {@link TaskLog.handle}. */
  readonly file: string;
  /** The log on disk. Complete only after {@link TaskLog.end}, except for what exceeded the limit or the disk. */
  readonly handle: FileHandle;
  /** Emits the number of bytes that will not change, for followers. Completes with the log. */
  readonly size$: Observable<number>;
  /**
   * Keeps the handle open for a reader, even after {@link TaskLog.remove}.
   *
   * @returns a function that releases it
   */
  hold(): () => Promise<void>;
  /** Why the disk did not accept the whole log. Known after {@link TaskLog.end}. */
  readonly failure?: Error | undefined;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Returns the present log for a copy: {@link TaskLog.handle} has its first bytes. Only before its end. */
  soFar(): Promise<LogSoFar>;
  /** Writes everything outstanding. May be called twice. Afterwards only {@link TaskLog.addWarning} may write. */
  end(): Promise<void>;
  /**
   * Returns the log compressed with gzip, if that was done while it was written. Undefined for a short log, or
   * if the disk had no room. Only after {@link TaskLog.end}.
   */
  zipped(): Promise<FileHandle | undefined>;
  /** Adds a line to a log that has ended, about something that became known later. */
  addWarning(message: string): Promise<void>;
  /** Closes and removes the file. May be called twice. */
  remove(): Promise<void>;
}

export interface TaskLogOptions {
  /** Folders for the file. The first writable one is used. */
  readonly folders: readonly string[];
  readonly name: string;
  readonly secrets: () => Iterable<Secret>;
  /** Limit for the size of the file, not counting the line that marks a gap. By default there is none. */
  readonly maxBytes?: number;
  /** Receives the whole log as it is written, even beyond the limit. */
  readonly onChunk?: ((chunk: Buffer) => void) | undefined;
}

export async function openTaskLog({
  folders,
  name,
  secrets,
  maxBytes = Infinity,
  onChunk,
}: TaskLogOptions): Promise<TaskLog> {
  const { handle, file } = await create(folders, name);
  const filter = redaction(secrets);
  const size$ = new BehaviorSubject(0);
  const holders = new Set<symbol>();
  let isRemoved = false;
  const closeUnlessHeld = async () => {
    if (isRemoved && holders.size === 0) await handle.close();
  };
  const zip = followingZip(handle, () => namelessFile(file));
  const target = logFile(handle, {
    maxBytes,
    onAppended: size => {
      zip.grown(size);
      size$.next(size);
    },
    makeRoom: () => zip.close(),
    cutLine: (omitted, failure) => `[taskcluster:warn ${timestamp()}] ${cutLine(omitted, maxBytes, failure)}`,
  });
  /** The worker's own chunks. They wait among the others while the disk is slow. */
  const said = new WeakSet<Buffer>();
  let inLine = false;
  const endFile = async () => {
    await target.end();
    // If the middle of a log is omitted, the file is shorter than the log, or has more bytes than before.
    await handle.stat().then(({ size }) => {
      size$.next(size);
    }, ignored);
    size$.complete();
  };
  /** @returns undefined when everything was passed on; otherwise a promise that settles then */
  const put = (pieces: Iterable<Buffer>): Promise<void> | undefined => {
    let waiting: Promise<void> | undefined;
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      inLine = piece.at(-1) !== LINE_FEED;
      // The receiver may keep it, but the engine reuses its memory.
      onChunk?.(Buffer.from(piece));
      waiting = waiting ? waiting.then(() => target.write(piece)) : target.write(piece);
    }
    return waiting;
  };
  /** No secret continues after a line of the worker, so nothing has to be held back. */
  function* onItsOwnLine(chunk: Buffer): Generator<Buffer, void> {
    yield* filter.end();
    if (inLine) yield LINE_BREAK;
    yield* filter.pass(chunk);
    yield* filter.end();
  }
  const output = new Writable({
    highWaterMark: WAITING_BYTES,
    write: (chunk: Buffer, _encoding, done) => {
      settle(put(said.has(chunk) ? onItsOwnLine(chunk) : filter.pass(chunk)), done);
    },
    final: done => {
      settle((put(filter.end()) ?? Promise.resolve()).then(endFile), done);
    },
    destroy: (error, done) => {
      settle(endFile(), () => {
        done(error);
      });
    },
  });
  // Whoever ends the log hears of a failure. Without this listener, an earlier one would end the worker.
  output.on('error', () => undefined);

  const write = (prefix: string, message: string) => {
    if (output.writableEnded || output.destroyed) return;
    const chunk = linesOf(prefix, message);
    said.add(chunk);
    output.write(chunk);
  };
  return {
    output,
    file,
    handle,
    size$: size$.asObservable(),
    hold: () => {
      const holder = Symbol('holder');
      holders.add(holder);
      return async () => {
        if (holders.delete(holder)) await closeUnlessHeld();
      };
    },
    get failure() {
      return target.failure;
    },
    info: message => {
      write(`[taskcluster ${timestamp()}]`, message);
    },
    warn: message => {
      write(`[taskcluster:warn ${timestamp()}]`, message);
    },
    error: message => {
      write('[taskcluster:error]', message);
    },
    soFar: async () => {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      output.write(Buffer.alloc(0), error => {
        if (error) reject(error);
        else resolve(undefined);
      });
      await promise;
      return target.soFar();
    },
    end: async () => {
      if (!output.writableEnded) output.end();
      await finished(output);
    },
    zipped: async () => (target.failure ? undefined : zip.finish((await handle.stat()).size)),
    addWarning: async message => {
      // The compressed copy lacks this line.
      await zip.close();
      const { size } = await handle.stat();
      const lines = linesOf(`[taskcluster:warn ${timestamp()}]`, message);
      await handle.write(inLine ? Buffer.concat([LINE_BREAK, lines]) : lines, 0, undefined, size);
    },
    remove: async () => {
      await zip.close();
      if (!isRemoved) {
        isRemoved = true;
        await closeUnlessHeld();
      }
      await unlink(file).catch(unlessMissing);
    },
  };
}

function ignored(): void {
  // At worst, followers do not get the last bytes, which are uploaded.
}

/** Tells a stream the result of its work. */
function settle(work: Promise<void> | undefined, done: (error?: Error | null) => void): void {
  if (!work) {
    done();
    return;
  }
  work.then(() => {
    done();
  }, done);
}

/** Formats a message of one or more lines, each with the prefix. */
function linesOf(prefix: string, message: string): Buffer {
  const lines = message.split('\n').map(line => `${prefix} ${line}\n`);
  return Buffer.from(lines.join(''));
}

function timestamp(): string {
  return new Date().toISOString();
}

/**
 * Creates the file anew, readable only for the worker's user. If a task has put something in its place that
 * cannot be removed, the file gets another name.
 */
async function create(
  folders: readonly string[],
  name: string,
): Promise<{ handle: FileHandle; file: string }> {
  const problems: unknown[] = [];
  const names = [name, `${name}.${randomBytes(8).toString('hex')}`];
  for (const file of names.flatMap(each => folders.map(folder => `${folder}/${each}`))) {
    try {
      return { handle: await newFile(file), file };
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(problems, `no place for the task's log: ${problems.map(String).join('; ')}`);
}
