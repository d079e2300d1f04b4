import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, pipeline } from 'node:stream';

/** A program that is installed, and its arguments. */
export type Program = readonly [file: string, ...args: string[]];

/** How much of a program's error output is kept. */
const MAX_COMPLAINT = 300;

/** A locale with UTF-8 file names and English messages. */
const LOCALE = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8';

/** The owner of a running program. */
export interface ProgramWatch {
  /** Ends the program at once. */
  readonly signal?: AbortSignal | undefined;
  /** Called just before the program is started, with its PID once it runs, and with undefined when it has ended. */
  readonly running?: ((program: number | 'starting' | undefined) => void) | undefined;
}

/** The input of a program: its standard input, or an open file, which it has as descriptor 3. */
interface Given {
  readonly input?: AsyncIterable<Buffer>;
  readonly descriptor?: number;
}

/**
 * Yields the output of a program. It does not get the worker's environment, and has ended when this ends. A
 * stop does not wait for its next output.
 *
 * @param failure creates an error from the program's error output: one line, without its name
 */
export async function* outputOf(
  [file, ...args]: Program,
  { input, descriptor }: Given,
  failure: (complaint: string) => Error,
  { signal, running }: ProgramWatch = {},
): AsyncGenerator<Buffer, void, undefined> {
  signal?.throwIfAborted();
  running?.('starting');
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    env: { LC_ALL: LOCALE, PATH: process.env.PATH },
    cwd: '/',
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  // Awaited below. Until then, a program that does not start must not cause an unhandled rejection.
  closed.catch(() => undefined);
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('a program has no pipes');
  running?.(child.pid);
  child.once('exit', () => running?.(undefined));
  const end = () => {
    child.kill('SIGKILL');
    // Processes that the program has started may hold its pipes open. Nobody waits for them.
    for (const pipe of [stdin, stdout, stderr]) pipe.destroy();
  };
  signal?.addEventListener('abort', end, { once: true });
  let complaint = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, MAX_COMPLAINT);
  });
  let inputFailure: unknown;
  // A program that needs no more input closes it. Its exit code says whether that was an error.
  pipeline(Readable.from(input ?? [], { objectMode: true, highWaterMark: 1 }), stdin, error => {
    if (error && !['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code ?? '')) {
      inputFailure = error;
      child.kill('SIGKILL');
    }
  });
  try {
    for await (const chunk of stdout) yield chunk as Buffer;
    signal?.throwIfAborted();
    const [code, killedBy] = await closed;
    signal?.throwIfAborted();
    if (inputFailure !== undefined) throw inputFailure as Error;
    if (code === 0) return;
    const words = (complaint.trim().split('\n')[0] ?? '').replace(/^[\w/.-]+: *(\(stdin\): *)?/, '');
    throw failure(words === '' ? `the program ended with ${code ?? killedBy ?? 'an error'}` : words);
  } finally {
    signal?.removeEventListener('abort', end);
    end();
    await closed.catch(() => undefined);
  }
}
