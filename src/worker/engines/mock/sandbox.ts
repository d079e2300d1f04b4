import { hostFiles } from '../../files/host-files.ts';
import type { RunFolder } from '../../files/run-folder.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { ContainerPart } from '../container.ts';
import { settledWithin } from '../settled-within.ts';
import {
  CommandNotStarted,
  type Command,
  type CommandResult,
  type Connection,
  type Sandbox,
} from '../engine.ts';
import { containerFiles } from './container.ts';
import { Client } from './client.ts';
import { inside, KILLED, runCommand, TERMINATED, COMMANDS, type MockRun } from './commands.ts';

/** The default command of every image. */
const OF_IMAGE = ['print', "the image's own command\n"];

/** Executes the commands of one run in the worker's process. */
export class MockSandbox implements Sandbox {
  readonly files: TaskFiles;
  readonly #home: string;
  readonly #pathOf: (path: string) => string;
  readonly #ofImage: readonly string[];
  readonly #client: Client;
  readonly #asked = new AbortController();
  readonly #ended = new AbortController();
  /** The running command and background work. */
  readonly #work = new Set<Promise<unknown>>();
  #busy = false;

  constructor(home: RunFolder, container?: ContainerPart) {
    this.#home = home.path;
    const { pathOf, files } = container
      ? containerFiles(home.path, container)
      : { pathOf: (path: string) => inside(home.path, path), files: hostFiles(home.path) };
    this.#pathOf = pathOf;
    this.files = files;
    this.#client = new Client(container?.hosts);
    this.#ofImage = container ? OF_IMAGE : [];
  }

  async run(command: Command): Promise<CommandResult> {
    if (this.#asked.signal.aborted) throw new Error('The sandbox has been stopped');
    if (this.#busy) throw new Error('A command is running in the sandbox already');
    const argv = command.argv.length > 0 ? command.argv : this.#ofImage;
    const [word] = argv;
    if (word === undefined) throw new CommandNotStarted('exec: no command');
    if (!Object.hasOwn(COMMANDS, word)) {
      throw new CommandNotStarted(`exec: ${JSON.stringify(word)}: executable file not found in $PATH`);
    }
    this.#busy = true;
    const start = performance.now();
    const doing = this.#do({ ...command, argv });
    this.#goOn(doing);
    try {
      const exitCode = await doing;
      command.onEnded?.(exitCode);
      return { exitCode, wallMs: performance.now() - start };
    } finally {
      this.#busy = false;
    }
  }

  isPeer(connection: Connection): Promise<boolean> {
    return this.#client.owns(connection);
  }

  async stop(graceMs: number): Promise<void> {
    this.#asked.abort();
    await settledWithin(Promise.all(this.#work), graceMs);
    await this.close();
  }

  async close(): Promise<void> {
    this.#asked.abort();
    this.#ended.abort();
    await Promise.all(this.#work);
  }

  /** Errors go to the output, as with a program. @returns the exit code */
  async #do({ argv, env, stdin = '', output }: Command): Promise<number> {
    const [asked, ended] = [this.#asked.signal, this.#ended.signal];
    const print = (bytes: string | Buffer) => printed(output, bytes, ended);
    const beside = (work: Promise<unknown>) => {
      this.#goOn(work);
    };
    const [home, pathOf, client] = [this.#home, this.#pathOf, this.#client];
    const run: MockRun = { home, pathOf, env, stdin, print, asked, ended, client, beside };
    try {
      const exitCode = await runCommand(run, argv);
      return ended.aborted && exitCode === 0 ? KILLED : exitCode;
    } catch (error) {
      if (asked.aborted) return TERMINATED;
      await print(`${(error as Error).message}\n`);
      return 1;
    }
  }

  /** Makes a stop wait for something. */
  #goOn(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#work.add(settled);
    void settled.then(() => this.#work.delete(settled));
  }
}

/** Settles when an output accepts more or has failed, or the run is over. */
async function printed(
  output: NodeJS.WritableStream,
  bytes: string | Buffer,
  ended: AbortSignal,
): Promise<void> {
  if (ended.aborted || !output.writable || output.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const go = () => {
    resolve(undefined);
  };
  const events = ['drain', 'close', 'error'];
  for (const event of events) output.once(event, go);
  ended.addEventListener('abort', go);
  await promise;
  for (const event of events) output.off(event, go);
  ended.removeEventListener('abort', go);
}
