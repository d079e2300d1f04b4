import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskFiles } from '../../files/task-files.ts';
import {
  CommandNotStarted,
  type Command,
  type CommandResult,
  type Connection,
  type Sandbox,
  type Terminal,
  type TerminalCommand,
  type Usage,
} from '../engine.ts';
import type { Enclosure } from './enclosure.ts';
import type { Launch, LaunchOptions } from './launcher/launcher.ts';
import { outOfMemoryKills } from './processes/out-of-memory.ts';
import { Peers } from './processes/peers.ts';
import { settledWithin } from '../settled-within.ts';
import { assertStartable } from './launcher/startable.ts';
import { openPty } from '../terminal/index.ts';
import { terminalScript } from './launcher/terminal-script.ts';
import { UsageMeter } from './processes/usage.ts';

/** Exit code of a command that was killed before it began. */
const KILLED = 128 + 9;

/** Pause between two checks for remaining processes, in ms. It doubles up to this. */
const LONGEST_PAUSE = 32;

/** How long the launcher may take to report the end of a command, in ms. */
const REPORT_MS = 1_000;

/** Runs the commands of one run inside an enclosure, one after the other. */
export class NativeSandbox implements Sandbox {
  readonly files: TaskFiles;
  readonly #enclosure: Enclosure;
  readonly #options: LaunchOptions;
  readonly #peers: Peers;
  readonly #meter: UsageMeter;
  #busy = false;
  readonly #stop = new AbortController();
  /** Whether the remaining processes are being ended, or were. */
  #ending = false;
  #launched: Launch | undefined;
  readonly #terminals = new Set<Terminal>();
  readonly #opening = new Set<Promise<Terminal>>();

  constructor(enclosure: Enclosure, files: TaskFiles, options: LaunchOptions) {
    this.files = files;
    this.#enclosure = enclosure;
    this.#options = options;
    this.#peers = new Peers(enclosure.census);
    this.#meter = new UsageMeter(enclosure.census);
  }

  async isPeer(connection: Connection): Promise<boolean> {
    const isPeer = !this.#ending && (await this.#peers.isPeer(connection));
    // After the run's end, another run may get the number of its namespace.
    return isPeer && !this.#ending;
  }

  usage(): Promise<Usage> {
    return this.#ending ? Promise.resolve(this.#meter.final()) : this.#meter.read();
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async openTerminal(command: TerminalCommand): Promise<Terminal> {
    if (this.#stopping) throw new Error('The sandbox has been stopped');
    const opening = this.#openTerminal(command);
    this.#opening.add(opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(opening);
    }
  }

  async #openTerminal({ argv, env, size }: TerminalCommand): Promise<Terminal> {
    const { script, variables } = terminalScript({ argv, env }, this.#options);
    const { user } = this.#options.view ?? {};
    const owner = user && { uid: user.uid, gid: user.groups[0] ?? user.uid };
    const started = this.#enclosure.inTerminal(script, variables);
    const terminal = await openPty({ ...started, size, ...(owner && { owner }) }, this.#stop.signal);
    this.#enclosure.onTerminal?.(terminal);
    this.#terminals.add(terminal);
    void terminal.ended.then(() => this.#terminals.delete(terminal));
    return terminal;
  }

  /**
   * Interactive shells ignore SIGTERM, and end when their terminal is gone. From here on, no terminal can be opened.
   */
  async #hangUp(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#opening);
    await Promise.all(Array.from(this.#terminals, terminal => terminal[Symbol.asyncDispose]()));
  }

  async run(command: Command): Promise<CommandResult> {
    if (this.#stopping) throw new Error('The sandbox has been stopped');
    if (this.#busy) throw new Error('A command is running in the sandbox already');
    this.#busy = true;
    try {
      return await this.#run(command);
    } finally {
      this.#busy = false;
    }
  }

  async #run(command: Command): Promise<CommandResult> {
    await assertStartable(command, this.#options.folder, this.#options.view);
    const start = performance.now();
    const wallMs = () => performance.now() - start;
    if (this.#stopping) return { exitCode: KILLED, wallMs: wallMs() };
    const killsBefore = outOfMemoryKills();
    const finishCopying = this.#copyOutput(command);
    try {
      this.#launched = this.#enclosure.launcher.launch(command, this.#options);
      const ending = await this.#launched.ended;
      command.onEnded?.(ending.exitCode);
      const memoryRanOut = outOfMemoryKills() > killsBefore;
      return { ...ending, wallMs: wallMs(), ...(memoryRanOut && { memoryRanOut }) };
    } catch (error) {
      if (this.#stopping && !(error instanceof CommandNotStarted))
        return { exitCode: KILLED, wallMs: wallMs() };
      throw error;
    } finally {
      this.#launched = undefined;
      await finishCopying();
    }
  }

  /** Copies the command's output to its targets. */
  #copyOutput({ output, errors }: Command): () => Promise<unknown> {
    const { pipe, errors: errorsPipe } = this.#enclosure;
    const copies = [pipe.copyTo(output)];
    if (errorsPipe) copies.push(errorsPipe.copyTo(errors ?? output));
    return () => Promise.all(copies.map(finish => finish()));
  }

  async stop(graceMs: number): Promise<void> {
    await this.#hangUp();
    if (graceMs > 0) {
      const deadline = performance.now() + graceMs;
      // A command that is just entering the enclosure would miss the signal. A task can prevent the entry.
      if (this.#launched) await settledWithin(this.#launched.inside, graceMs);
      if (this.#launched || (await this.#enclosure.anyAlive())) {
        await this.#enclosure.terminate();
        await this.#emptied(deadline);
      }
    }
    await this.#end();
  }

  async close(): Promise<void> {
    await this.#hangUp();
    try {
      await this.#end();
    } finally {
      this.#enclosure.pipe.close();
      this.#enclosure.errors?.close();
    }
  }

  async #end(): Promise<void> {
    const launched = this.#launched;
    this.#ending = true;
    try {
      await this.#enclosure.kill();
    } catch (error) {
      // A run does not wait for a command that does not end.
      this.#enclosure.launcher.abandon();
      throw error;
    }
    if (!launched) return;
    // All processes have ended, but a launcher that hangs would never report that.
    if (!(await settledWithin(launched.ended, REPORT_MS))) this.#enclosure.launcher.abandon();
  }

  /** Settles when no process is left inside, or at a time of the monotonic clock. */
  async #emptied(deadline: number): Promise<void> {
    // The end of the command is usually the end of everything, so it is awaited without pauses.
    let commandEnded = this.#launched?.ended
      .catch(() => undefined)
      .finally(() => {
        commandEnded = undefined;
      });
    for (let pause = 1; performance.now() < deadline; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const pauseEnded = sleep(Math.min(pause, deadline - performance.now()));
      await Promise.race(commandEnded === undefined ? [pauseEnded] : [pauseEnded, commandEnded]);
      if (await this.#enclosure.anyAlive()) continue;
      // The launcher, which reports the command's end, is not a member. Its report may be on its way.
      if (commandEnded !== undefined) await settledWithin(commandEnded, REPORT_MS);
      return;
    }
  }
}
