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
import { cutLine } from './words.ts';

/** How much may wait until the disk has taken what is on its way. */
const WAITING_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;
const LINE_BREAK = Buffer.from([LINE_FEED]);

/**
 * The log of one run, as generic-worker writes it: `[taskcluster <time>]` before what the worker says, and what the
 * commands say as it is. It goes to disk as it comes, through the redaction of secrets. What the worker says always begins a
 * line, since tools that read these logs look for `[taskcluster` at the beginning of one.
 */
export interface TaskLog {
  /** Where the commands' output is written. It is slow when the disk is. */
  readonly output: Writable;
  /** Where the log lies. What a task has put there in its place is not the log: read it through {@link TaskLog.handle}. */
  readonly file: string;
  /** The log on disk. Complete only after {@link TaskLog.end}, but for what was too much for the log or the disk. */
  readonly handle: FileHandle;
  /** How many bytes the file has that do not change any more, for those who follow it. Completes with the log. */
  readonly size$: Observable<number>;
  /** Keeps the handle open for somebody who reads, also after {@link TaskLog.remove}. @returns what gives it back */
  hold(): () => Promise<void>;
  /** Why the disk did not take all of the log; known after {@link TaskLog.end}. */
  readonly failure?: Error | undefined;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** The log as it is now, for a copy of it: {@link TaskLog.handle} has its first bytes. Only before its end. */
  soFar(): Promise<LogSoFar>;
  /** Writes all that is outstanding. May be called twice; nothing but {@link TaskLog.addWarning} may be written afterwards. */
  end(): Promise<void>;
  /**
   * The log compressed with gzip, as far as that was done while it was written; undefined for a short log, or where the disk
   * had no room. Only after {@link TaskLog.end}.
   */
  zipped(): Promise<FileHandle | undefined>;
  /** Adds a line to a log that has ended: what became known only then. */
  addWarning(message: string): Promise<void>;
  /** Closes and removes the file. May be called twice. */
  remove(): Promise<void>;
}

export interface TaskLogOptions {
  /** Folders to put the file into: the first that can be written is taken. */
  readonly folders: readonly string[];
  readonly name: string;
  readonly secrets: () => Iterable<Secret>;
  /** The file has no more than this, and one line that marks what is left out. By default there is no bound. */
  readonly maxBytes?: number;
  /** Gets all of the log as it comes, also what is too much for the file. */
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
  /** The chunks that are the worker's own. They wait among the others while the disk is slow. */
  const said = new WeakSet<Buffer>();
  let inLine = false;
  const endFile = async () => {
    await target.end();
    // The middle of a log that was too long is left out: it has fewer bytes than came, or more than it had.
    await handle.stat().then(({ size }) => {
      size$.next(size);
    }, ignored);
    size$.complete();
  };
  /** @returns undefined when all has gone its way; otherwise what settles then */
  const put = (pieces: Iterable<Buffer>): Promise<void> | undefined => {
    let waiting: Promise<void> | undefined;
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      inLine = piece.at(-1) !== LINE_FEED;
      // Who listens may keep it, and the engine reads into its memory again.
      onChunk?.(Buffer.from(piece));
      waiting = waiting ? waiting.then(() => target.write(piece)) : target.write(piece);
    }
    return waiting;
  };
  /** No secret goes on behind a line of the worker, so that nothing has to be held back for one. */
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
  // Whoever ends the log hears of a failure; without this, one before would end the worker.
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
      // What was compressed lacks this line.
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
  // The worst is that followers do not get the last bytes, which are uploaded.
}

/** Tells a stream how its work ended. */
function settle(work: Promise<void> | undefined, done: (error?: Error | null) => void): void {
  if (!work) {
    done();
    return;
  }
  work.then(() => {
    done();
  }, done);
}

/** A message of one or more lines, each with the prefix. */
function linesOf(prefix: string, message: string): Buffer {
  const lines = message.split('\n').map(line => `${prefix} ${line}\n`);
  return Buffer.from(lines.join(''));
}

function timestamp(): string {
  return new Date().toISOString();
}

/**
 * The file is the worker's own: it is made anew and only its user may read it. Where a task has put something in its place
 * that cannot be removed, it gets another name.
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
