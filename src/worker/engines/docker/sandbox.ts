import type { Duplex } from 'node:stream';
import type { RunFolder } from '../../files/run-folder.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import { plainAddress } from '../connection.ts';
import {
  EngineUnreachable,
  NoRunningCommand,
  type Command,
  type CommandResult,
  type Connection,
  type Sandbox,
  type Terminal,
  type TerminalCommand,
  type Usage,
} from '../engine.ts';
import { settledWithin } from '../settled-within.ts';
import { DockerError, isListening, isUnanswered, type DockerClient } from './api/index.ts';
import type { RunCgroup } from './usage/cgroup.ts';
import type { CommandContainer } from './containers/command-container.ts';
import { hasTty, type ContainerMaking } from './containers/container-body.ts';
import { endOfContainer } from './running/end-of-container.ts';
import { containerFiles } from './files/container-files.ts';
import type { LateRemovals } from './leftovers/late-removals.ts';
import { removeContainers } from './leftovers/leftovers.ts';
import { makeContainer } from './containers/make-container.ts';
import { whyNotStarted } from './running/not-started.ts';
import { copyOutput } from './running/copy-output.ts';
import type { DockerTiming } from './timing.ts';
import { openContainerTerminal } from './running/terminal.ts';
import { terminate } from './running/terminate.ts';
import { UsageMeter } from './usage/usage-meter.ts';

/** Exit code of a killed command. */
const KILLED = 128 + 9;
/** Exit codes of a command that was stopped or killed, possibly by an engine that is being stopped. */
const ENDED_FROM_OUTSIDE: readonly number[] = [128 + 15, KILLED];

export interface DockerSandboxOptions {
  readonly client: DockerClient;
  readonly home: RunFolder;
  readonly making: ContainerMaking;
  readonly trace: string;
  readonly timing: DockerTiming;
  readonly late: LateRemovals;
  /** Undefined where the engine's control groups are not readable. */
  readonly cgroup: RunCgroup | undefined;
  /** Called when a container's control group is not where it was expected. */
  readonly onCgroupElsewhere: () => void;
}

/** Runs each command of one run in a new container. The last container keeps the files. */
export class DockerSandbox implements Sandbox {
  readonly files: TaskFiles;
  readonly #options: DockerSandboxOptions;
  readonly #meter: UsageMeter;
  #cgroup: RunCgroup | undefined;
  #busy = false;
  #stopping = false;
  /** Settles when the container of the current command runs, or never will. */
  #starting: Promise<unknown> = Promise.resolve();
  /** The running container, as far as known. */
  #running: CommandContainer | undefined;
  /** Settles when the end of the running container is known, or never will be. */
  #ended: Promise<unknown> = Promise.resolve();
  /** Aborted when the end of the container no longer matters. */
  #abandoned = new AbortController();
  #last: CommandContainer | undefined;
  /** Whether the engine may still create a container for a call without an answer. */
  #isUnanswered = false;

  constructor(options: DockerSandboxOptions) {
    const { client, home, cgroup, timing } = options;
    this.#options = options;
    this.#cgroup = cgroup;
    this.#meter = new UsageMeter(client, cgroup);
    this.files = containerFiles(client, () => this.#last?.id, {
      beside: `${home.path}.from-container`,
      silenceMs: timing.silenceMs,
    });
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
    const start = performance.now();
    const before = this.#cgroup && (await this.#meter.read(undefined));
    await using holding = new AsyncDisposableStack();
    const starting = this.#start(command, holding);
    this.#starting = starting.catch(() => undefined);
    const started = await starting;
    const wallMs = () => performance.now() - start;
    if (!started) return { exitCode: KILLED, wallMs: wallMs() };
    const { container, copied, ended } = started;
    const ending = { exitCode: await ended, wallMs: wallMs() };
    const { client } = this.#options;
    if (
      !this.#stopping &&
      ENDED_FROM_OUTSIDE.includes(ending.exitCode) &&
      !(await isListening(client.address))
    ) {
      throw new DockerError("the Docker engine was stopped, and has ended the command's container");
    }
    command.onEnded?.(ending.exitCode);
    if (this.#abandoned.signal.aborted) return ending;
    const [inspected] = await Promise.all([container.inspect(), copied]);
    const problem = this.#stopping
      ? undefined
      : await whyNotStarted(client, container.id, ending.exitCode, inspected);
    if (problem) throw problem;
    const after = before && (await this.#meter.read(undefined));
    return {
      ...ending,
      ...(after && { userMs: after.userMs - before.userMs, kernelMs: after.kernelMs - before.kernelMs }),
      ...(inspected.State.OOMKilled && { memoryRanOut: true }),
    };
  }

  /**
   * @param holding is disposed of at the command's end
   * @returns undefined when the sandbox was stopped before the start of the container
   */
  async #start(command: Command, holding: AsyncDisposableStack): Promise<StartedCommand | undefined> {
    const { timing } = this.#options;
    const made = await this.#make(command, holding).catch((error: unknown) => {
      throw isUnanswered(error) ? new EngineUnreachable((error as Error).message, { cause: error }) : error;
    });
    if (!made || this.#stopping) return undefined;
    const { container, copied, input } = made;
    this.#running = container;
    try {
      await container.start(timing.startMs);
    } catch (error) {
      // Without an answer, the container may run all the same.
      if (!isUnanswered(error)) this.#running = undefined;
      throw error;
    }
    input?.end(command.stdin);
    this.#checkCgroup();
    const ended = this.#endOf(container);
    this.#ended = ended.catch(() => undefined);
    return { container, copied, ended };
  }

  /**
   * Makes the container of a command, and connects to its output and input before its start, so that no output is lost.
   *
   * @returns undefined when the sandbox was stopped meanwhile
   */
  async #make(command: Command, holding: AsyncDisposableStack): Promise<MadeCommand | undefined> {
    const { client, timing, making: asked } = this.#options;
    const making = { ...asked, cgroupParent: this.#cgroup?.path };
    const container = await makeContainer(client, command, making, timing.createMs).catch(
      (error: unknown) => {
        if (isUnanswered(error)) this.#isUnanswered = true;
        throw error;
      },
    );
    this.#last = container;
    if (this.#stopping) return undefined;
    const [output, input] = await Promise.all([
      container.attach('output'),
      command.stdin === undefined ? undefined : container.attach('input'),
    ]);
    for (const connection of [output, input]) {
      connection?.on('error', () => undefined);
      holding.defer(() => void connection?.destroy());
    }
    const copied = copyOutput(output, command, { tty: hasTty(making.part) });
    copied.catch(() => undefined);
    return { container, copied, input };
  }

  /** Settles when the end of a container is known. @throws DockerError when the engine does not report it */
  async #endOf(container: CommandContainer): Promise<number> {
    const { client, timing } = this.#options;
    const exitCode = await endOfContainer(client, container, timing, this.#abandoned.signal);
    if (exitCode === undefined) return KILLED;
    this.#running = undefined;
    this.#meter.ended();
    return exitCode;
  }

  async isPeer({ remoteAddress }: Connection): Promise<boolean> {
    const running = this.#running;
    if (running === undefined) return false;
    const address = await running.addressIn(this.#options.making.part.network);
    // The next container may get the address of one that has ended.
    return this.#running === running && address === plainAddress(remoteAddress);
  }

  openTerminal(command: TerminalCommand): Promise<Terminal> {
    const running = this.#running;
    if (this.#stopping) return Promise.reject(new Error('The sandbox has been stopped'));
    if (!running) return Promise.reject(new NoRunningCommand('The container of the task is not running yet'));
    return openContainerTerminal(this.#options.client, running.id, command);
  }

  usage(): Promise<Usage> {
    return this.#meter.read(this.#running?.id);
  }

  async diskBytes(signal: AbortSignal): Promise<number> {
    return (await this.#last?.layerBytes(signal)) ?? 0;
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const deadline = performance.now() + graceMs;
    await settledWithin(this.#starting, graceMs);
    if (graceMs > 0 && this.#running) {
      const timeoutMs = Math.min(graceMs, this.#options.timing.endMs);
      // An engine that cannot send SIGTERM may still be able to kill.
      await terminate(this.#running, this.#cgroup, timeoutMs).catch(() => undefined);
      await settledWithin(this.#ended, Math.max(0, deadline - performance.now()));
    }
    await this.#end();
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await this.#end();
  }

  async remove(): Promise<void> {
    const { client, trace, late } = this.#options;
    const removeAll = () => removeContainers(client, trace);
    try {
      await this.close();
      await removeAll();
      if (this.#isUnanswered) late.add(removeAll);
    } catch (error) {
      late.add(removeAll);
      throw error;
    }
    this.#last = undefined;
    await this.#cgroup?.remove();
  }

  async #end(): Promise<void> {
    const { endMs } = this.#options.timing;
    if (!(await settledWithin(this.#starting, endMs))) {
      throw new Error('The Docker engine has not said whether the command was started');
    }
    const running = this.#running;
    if (!running) return;
    try {
      await running.kill('SIGKILL', endMs);
      await running.endedOrGone(endMs);
    } catch (error) {
      // A run does not wait for a container that does not end.
      this.#abandoned.abort();
      const name = running.id.slice(0, 12);
      throw new Error(`The container ${name} could not be ended: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (!(await settledWithin(this.#ended, endMs))) this.#abandoned.abort();
    this.#running = undefined;
  }

  /** Where the engine sees the machine differently, its control groups are elsewhere. */
  #checkCgroup(): void {
    if (this.#cgroup?.isThere() !== false) return;
    this.#cgroup = undefined;
    this.#options.onCgroupElsewhere();
  }
}

interface MadeCommand {
  readonly container: CommandContainer;
  /** Settles when all of its output has been taken. */
  readonly copied: Promise<void>;
  /** Where its standard input is written; undefined where it has none. */
  readonly input: Duplex | undefined;
}

interface StartedCommand extends Pick<MadeCommand, 'container' | 'copied'> {
  readonly ended: Promise<number>;
}
