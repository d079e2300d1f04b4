/** How the commands of task runs are run. One engine serves a whole worker. */
export interface Engine {
  readonly name: string;
  /**
   * Makes the place in which one run's commands live: nothing started in it survives {@link Sandbox.close}.
   *
   * @param folder the run's own folder, absolute; commands start there
   * @param keep given a word, before anything can be run, by which `endLeftovers` finds the processes of the run and those
   *        beside it. What the engine itself had started by then ends with the worker
   */
  open(folder: string, keep?: (trace: string) => void): Promise<Sandbox>;
  /**
   * Ends what is left of the processes of runs whose worker died. An engine whose processes can not outlive the worker
   * has none of this.
   *
   * @param traces what `open` gave to `keep`; anything else among them is passed over
   * @returns how many processes were ended
   * @throws Error when some could not be ended
   */
  endLeftovers?(traces: readonly string[]): Promise<number>;
  /** Ends what it has ready for runs that do not come any more. */
  close?(): Promise<void>;
}

/** The processes of one run, all of them, however far they wandered from their parents. */
export interface Sandbox {
  /**
   * Runs one command to its end. Its standard input is empty; its standard output and error go, in the order
   * they were written, to `output`, which slows the command down when it is slow.
   *
   * Settles when the command itself has ended, also while a background child still holds its output open.
   *
   * @throws CommandNotStarted when there is nothing that could be run: missing, not executable, too large
   */
  run(command: Command): Promise<CommandResult>;
  /**
   * Asks every process of the run to end (SIGTERM), and ends those that are left after `graceMs` (SIGKILL).
   * Settles when none is left. Nothing can be run afterwards.
   *
   * @throws Error after a bounded time, when some could not be ended; it names them
   */
  stop(graceMs: number): Promise<void>;
  /**
   * Ends whatever is left at once and gives back what the sandbox held. May be called again; after a failure it tries again.
   *
   * @throws Error after a bounded time, when some processes could not be ended; it names them
   */
  close(): Promise<void>;
}

export interface Command {
  /** The program and its arguments; a program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The whole environment: nothing of the worker's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** A chunk is only lent to it: it may not look at one any more when it has called back for it. */
  readonly output: NodeJS.WritableStream;
  /** Told when the command has ended, which may be a while before all of its output has been taken. */
  readonly onEnded?: (exitCode: number) => void;
}

export interface CommandResult {
  /** As a shell has it: 128 + N for a command that was ended by signal N. */
  readonly exitCode: number;
  readonly wallMs: number;
  /** CPU time of the command and the children it waited for; absent where the platform does not tell. */
  readonly userMs?: number;
  readonly kernelMs?: number;
  /** Whether the system ended processes for lack of memory meanwhile, which may have been others than the command's. */
  readonly memoryRanOut?: boolean;
}

/** A command that could not be started at all. The task's log has the message after `System error executing command: `. */
export class CommandNotStarted extends Error {
  override readonly name = 'CommandNotStarted';
}
