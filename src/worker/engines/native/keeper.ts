import { execa } from 'execa';
import { assertDescriptors } from './descriptors.ts';
import { OutputPipe, withNewFifo } from './output-pipe.ts';

/** Both ends of three pipes, of the one by which a start that fails is told, and some to spare. */
const DESCRIPTORS_OF_A_START = 12;

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
    assertDescriptors(DESCRIPTORS_OF_A_START);
    const subprocess = execa(file, [...rest, fifo], {
      env: { PATH: searchPath },
      extendEnv: false,
      cwd: '/',
      detached: true,
      cleanup: false,
      reject: false,
      stdin: 'pipe',
    });
    // A broken pipe means that it has ended, which is seen by its end.
    subprocess.stdin.on('error', () => undefined);
    const ready = new Promise<undefined>(resolve => {
      subprocess.stdout.once('data', () => {
        resolve(undefined);
      });
    });
    const failed = subprocess.then(({ stderr, shortMessage }) => stderr || (shortMessage ?? 'it ended'));
    let pipe: OutputPipe | undefined;
    try {
      const failure = await Promise.race([ready, failed]);
      if (failure !== undefined) throw new Error(failure);
      const keeper: Keeper = {
        pid: subprocess.pid ?? 0,
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
