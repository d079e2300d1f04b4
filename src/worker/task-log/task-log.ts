import { open, rm, type FileHandle } from 'node:fs/promises';
import { PassThrough, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { Secret } from '../../pulse/index.ts';
import { redaction } from './redaction.ts';

/**
 * The log of one run, as generic-worker writes it: `[taskcluster <time>]` before what the worker says, and what the
 * commands say as it is. It goes to disk as it comes, through the redaction of secrets.
 */
export interface TaskLog {
  /** Where the commands' output is written. It is slow when the disk is. */
  readonly output: Writable;
  /** The file on disk. Complete only after {@link TaskLog.end}. */
  readonly file: string;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Writes all that is outstanding. May be called twice; nothing may be written afterwards. */
  end(): Promise<void>;
  remove(): Promise<void>;
}

export interface TaskLogOptions {
  /** Folders to put the file into: the first that can be written is taken. */
  readonly folders: readonly string[];
  readonly name: string;
  readonly secrets: () => Iterable<Secret>;
  /** Gets each chunk as it goes to the file. */
  readonly onChunk?: ((chunk: Buffer) => void) | undefined;
}

export async function openTaskLog({ folders, name, secrets, onChunk }: TaskLogOptions): Promise<TaskLog> {
  const { handle, file } = await create(folders, name);
  const output = redaction(secrets);
  const tap = new PassThrough();
  if (onChunk) tap.on('data', onChunk);
  const written = pipeline(output, tap, handle.createWriteStream());
  // Whoever ends the log hears of a failure; without this, one before would end the worker.
  written.catch(() => undefined);

  const write = (prefix: string, message: string) => {
    if (output.writableEnded || output.destroyed) return;
    output.write(
      message
        .split('\n')
        .map(line => `${prefix} ${line}\n`)
        .join(''),
    );
  };
  return {
    output,
    file,
    info: message => {
      write(`[taskcluster ${timestamp()}]`, message);
    },
    warn: message => {
      write(`[taskcluster:warn ${timestamp()}]`, message);
    },
    error: message => {
      write('[taskcluster:error]', message);
    },
    end: async () => {
      if (!output.writableEnded) output.end();
      await finished(output, { readable: false });
      await written;
    },
    remove: () => rm(file, { force: true }),
  };
}

function timestamp(): string {
  return new Date().toISOString();
}

/** The file is the worker's own: it is made anew and only its user may read it. */
async function create(
  folders: readonly string[],
  name: string,
): Promise<{ handle: FileHandle; file: string }> {
  const problems: unknown[] = [];
  for (const folder of folders) {
    const file = `${folder}/${name}`;
    try {
      await rm(file, { force: true });
      return { handle: await open(file, 'wx', 0o600), file };
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(problems, `no place for the task's log: ${problems.map(String).join('; ')}`);
}
