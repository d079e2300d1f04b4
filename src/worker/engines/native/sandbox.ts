import { setTimeout as sleep } from 'node:timers/promises';
import { CommandNotStarted, type Command, type CommandResult, type Sandbox } from '../engine.ts';
import type { Enclosure } from './enclosure.ts';
import type { Launch, LaunchOptions } from './launcher.ts';
import { outOfMemoryKills } from './out-of-memory.ts';
import { settledWithin } from './settled-within.ts';
import { assertStartable } from './startable.ts';

/** What a command that was killed before it could do anything exits with. */
const KILLED = 128 + 9;

/** The time between two looks at who is left, in ms, is doubled up to this. */
const LONGEST_PAUSE = 32;

/** How long the launcher may take to tell that a command has ended, in ms. */
const REPORT_MS = 1_000;

/** Runs the commands of one run inside an enclosure, one after the other. */
export class NativeSandbox implements Sandbox {
  readonly #enclosure: Enclosure;
  readonly #options: LaunchOptions;
  #busy = false;
  #stopping = false;
  #launched: Launch | undefined;

  constructor(enclosure: Enclosure, options: LaunchOptions) {
    this.#enclosure = enclosure;
    this.#options = options;
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
    await assertStartable(command, this.#options.folder);
    const start = performance.now();
    const wallMs = () => performance.now() - start;
    if (this.#stopping) return { exitCode: KILLED, wallMs: wallMs() };
    const killsBefore = outOfMemoryKills();
    const finishPouring = this.#enclosure.pipe.pourInto(command.output);
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
      await finishPouring();
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (graceMs > 0) {
      const deadline = performance.now() + graceMs;
      // A command on its way in would miss the signal. A task can keep it from entering.
      if (this.#launched) await settledWithin(this.#launched.inside, graceMs);
      if (this.#launched || (await this.#enclosure.anyAlive())) {
        await this.#enclosure.terminate();
        await this.#emptied(deadline);
      }
    }
    await this.#end();
  }

  async close(): Promise<void> {
    this.#stopping = true;
    try {
      await this.#end();
    } finally {
      this.#enclosure.pipe.close();
    }
  }

  async #end(): Promise<void> {
    const launched = this.#launched;
    try {
      await this.#enclosure.kill();
    } catch (error) {
      // A run does not wait for a command that cannot be ended.
      this.#enclosure.launcher.abandon();
      throw error;
    }
    if (!launched) return;
    // Nobody is left inside, but a launcher that does not end would never tell so.
    if (!(await settledWithin(launched.ended, REPORT_MS))) this.#enclosure.launcher.abandon();
  }

  /** Settles when nobody is left inside, or at a time of the monotonic clock. */
  async #emptied(deadline: number): Promise<void> {
    // The end of the command is mostly the end of all, so that it is not waited for in pauses.
    let commandEnded = this.#launched?.ended
      .catch(() => undefined)
      .finally(() => {
        commandEnded = undefined;
      });
    for (let pause = 1; performance.now() < deadline; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const pauseEnded = sleep(Math.min(pause, deadline - performance.now()));
      await Promise.race(commandEnded === undefined ? [pauseEnded] : [pauseEnded, commandEnded]);
      if (await this.#enclosure.anyAlive()) continue;
      // The shell that tells how the command ended is no member, and may be about to.
      if (commandEnded !== undefined) await settledWithin(commandEnded, REPORT_MS);
      return;
    }
  }
}
