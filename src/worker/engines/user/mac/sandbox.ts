import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskFiles } from '../../../files/task-files.ts';
import type { Command, CommandResult, Sandbox } from '../../engine.ts';
import { assertStartable } from '../../native/index.ts';
import type { Executor } from './execute.ts';
import type { UserProcesses } from './processes.ts';
import { runAs, type MacAccount } from './commands.ts';

/** Exit code of a command that was killed before it began. */
const KILLED = 128 + 9;
/** How long a command's output must be silent to count as complete, in ms. A background process may hold it open. */
const QUIET_MS = 100;

export interface MacSandboxOptions {
  readonly account: MacAccount;
  /** The numbers of the user's groups. */
  readonly groups: readonly number[];
  readonly files: TaskFiles;
  readonly processes: UserProcesses;
  readonly executor: Executor;
  /** Removes the user at the end, if the sandbox created the user itself. */
  readonly dispose: (() => Promise<unknown>) | undefined;
}

/** Runs the commands of one run as its own user, one after the other. */
export class MacSandbox implements Sandbox {
  readonly files: TaskFiles;
  readonly #options: MacSandboxOptions;
  #isBusy = false;
  #isStopping = false;

  constructor(options: MacSandboxOptions) {
    this.files = options.files;
    this.#options = options;
  }

  async run(command: Command): Promise<CommandResult> {
    if (this.#isStopping) throw new Error('The sandbox has been stopped');
    if (this.#isBusy) throw new Error('A command is running in the sandbox already');
    this.#isBusy = true;
    try {
      return await this.#run(command);
    } finally {
      this.#isBusy = false;
    }
  }

  async #run(command: Command): Promise<CommandResult> {
    const { account, groups, executor } = this.#options;
    await assertStartable(command, account.home, { root: '', user: { uid: account.uid, groups } });
    const start = performance.now();
    if (this.#isStopping) return { exitCode: KILLED, wallMs: 0 };
    const { stdin, stdout, stderr, exited } = executor.start(runAs(account, command.argv), {
      env: command.env,
      hasStdin: command.stdin !== undefined,
    });
    stdin?.on('error', () => undefined);
    stdin?.end(command.stdin);
    const complete = [stdout, stderr].map(stream => copyOutput(stream, command.output));
    const exitCode = await exited;
    const wallMs = performance.now() - start;
    command.onEnded?.(exitCode);
    await Promise.all(complete.map(isComplete => isComplete()));
    return { exitCode, wallMs };
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    if (graceMs > 0) await this.#options.processes.terminate(graceMs);
    await this.#options.processes.kill();
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    await this.#options.processes.kill();
    await this.#options.dispose?.();
  }
}

/**
 * Copies a stream to an output, no faster than the output accepts it. If the output has failed, the rest is dropped
 * without waiting.
 *
 * @returns a function that waits until everything written so far has been copied; later output is discarded
 */
function copyOutput(stream: Readable, output: NodeJS.WritableStream): () => Promise<void> {
  let [isEnded, isWriting, lastAt] = [false, false, performance.now()];
  const end = () => {
    isEnded = true;
  };
  stream.on('end', end).on('error', end).on('close', end);
  stream.on('data', (chunk: Buffer) => {
    lastAt = performance.now();
    if (!output.writable) return;
    isWriting = true;
    stream.pause();
    output.write(chunk, () => {
      isWriting = false;
      lastAt = performance.now();
      stream.resume();
    });
  });
  return async () => {
    while (isWriting || !(isEnded || performance.now() - lastAt >= QUIET_MS)) {
      if (isWriting && !output.writable) break;
      await Promise.race([sleep(QUIET_MS / 4), once(stream, 'close').catch(() => undefined)]);
    }
    stream.removeAllListeners('data').resume();
  };
}
