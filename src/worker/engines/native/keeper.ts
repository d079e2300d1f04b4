import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { OutputPipe, withNewFifo } from './output-pipe.ts';

/**
 * The program beside the worker that ends a run's processes when the worker is gone. It learns that by the end of its
 * standard input, whose other end only the worker holds.
 */
export interface Keeper {
  readonly pid: number;
  /** Settles when it has ended, for whatever reason; never rejects. */
  readonly ended: Promise<unknown>;
  tell(line: string): void;
  /** Ends its standard input, as the end of the worker would. */
  release(): void;
}

/**
 * Starts a keeper, which makes the FIFO of the run's output and then prints a line.
 *
 * @param words its program and arguments; the path for the FIFO is added
 * @param searchPath its whole environment
 * @param use makes what needs the keeper; the keeper is released when that fails
 * @throws Error with what the program had to say, when it ended instead
 */
export async function withNewKeeper<Result>(
  words: readonly string[],
  searchPath: string,
  use: (keeper: Keeper, pipe: OutputPipe) => Result,
): Promise<Result> {
  return await withNewFifo(async fifo => {
    const [file = '', ...rest] = words;
    // One for each run, so without execa: that costs a worker 4 MB, and 50 ms of the time to start.
    const subprocess = spawn(file, [...rest, fifo], { env: { PATH: searchPath }, cwd: '/', detached: true });
    const failed = failureOf(subprocess);
    // Then it may have no streams either, whatever the types say.
    if (subprocess.pid === undefined) throw new Error(await failed);
    // A broken pipe means that it has ended, which is seen by its end.
    subprocess.stdin.on('error', () => undefined);
    const ready = new Promise<undefined>(resolve => {
      subprocess.stdout.once('data', () => {
        resolve(undefined);
      });
    });
    let pipe: OutputPipe | undefined;
    try {
      const failure = await Promise.race([ready, failed]);
      if (failure !== undefined) throw new Error(failure);
      const keeper: Keeper = {
        pid: subprocess.pid,
        ended: failed,
        tell: line => void subprocess.stdin.write(`${line}\n`),
        release: () => void subprocess.stdin.destroy(),
      };
      pipe = new OutputPipe(fifo);
      return use(keeper, pipe);
    } catch (error) {
      pipe?.close();
      subprocess.stdin.destroy();
      throw error;
    }
  });
}

/** Settles when a program has ended, with what it had to say; never rejects. */
async function failureOf(subprocess: ChildProcessWithoutNullStreams): Promise<string> {
  const complaint = text(subprocess.stderr).catch(() => '');
  try {
    const [code, signal] = (await once(subprocess, 'close')) as [number | null, string | null];
    return (await complaint) || `${subprocess.spawnfile} ended with ${signal ?? `exit code ${code}`}`;
  } catch (error) {
    return (error as Error).message;
  }
}
