import type { Duplex } from 'node:stream';
import type { Images, Network, NetworkOptions, ContainerPart } from './container.ts';
import type { Owner } from '../files/owner.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { TaskFiles } from '../files/task-files.ts';
import type { FormatName } from '../task-spec.ts';

/** What an engine can do, or not on this platform. A task that needs what is missing is refused by that name. */
export type Capability =
  /** Its sandboxes have files in the run's folder on this machine. */
  | 'host-files'
  /** Commands run as the worker's own user. */
  | 'own-user'
  /** Commands run as a user of the system that only their run has ({@link Engine.makeUser}). */
  | 'task-users'
  /** It can tell whether a connection comes from a task's process ({@link Sandbox.isPeer}). */
  | 'peers'
  /** It can tell what the processes of a run use ({@link Sandbox.usage}). */
  | 'usage'
  /** What a command leaves running goes on after it, until the sandbox is closed. */
  | 'background'
  /** Its sandboxes can open terminals ({@link Sandbox.openTerminal}). */
  | 'terminals'
  /** Its sandboxes are containers, made of an image and of what features want in it ({@link ContainerPart}). */
  | 'containers';

/** How the commands of task runs are run. One engine serves a whole worker. */
export interface Engine {
  readonly name: string;
  /** The payload formats whose tasks it can run. */
  readonly formats: readonly FormatName[];
  readonly capabilities: ReadonlySet<Capability>;
  /** The host name or address under which a task's processes reach a server of this process. */
  readonly hostAddress: string;
  /** Where the images of its containers come from. Only with the capability `containers`. */
  readonly images?: Images;
  /** Where on this machine it keeps what runs write beside their own folders, if that is known. */
  readonly dataFolder?: string;
  /** The socket through which this process controls it, if it is a Unix socket of this machine. */
  readonly socketPath?: string;
  /** Makes a network for the containers of one run. Only with the capability `containers`. */
  readonly openNetwork?: (run: NetworkOptions) => Promise<Network>;
  /**
   * Makes a user of the system for one run. Only with the capability `task-users`.
   *
   * @throws Error when there is none left, or of the system
   */
  makeUser?(options: UserOptions): Promise<TaskUser>;
  /** Makes the place in which one run's commands live: nothing started in it survives {@link Sandbox.close}. */
  open(options: SandboxOptions): Promise<Sandbox>;
  /**
   * Ends what is left of the processes of runs whose worker died. An engine whose processes cannot outlive the worker
   * has none of this.
   *
   * @param traces what `open` gave to `keep`; anything else among them is passed over
   * @returns how many processes were ended
   * @throws Error when some could not be ended
   */
  endLeftovers?(traces: readonly string[]): Promise<number>;
  /**
   * Asks whether it answers now, without waiting for it to come back. Only an engine that may go away while the worker runs
   * has this.
   *
   * @throws Error after a bounded time, when it does not; the message says why
   */
  readonly answers?: () => Promise<unknown>;
  /** Ends what it has ready for runs that do not come any more. */
  close?(): Promise<void>;
}

/** What a run needs of its user. */
export interface UserOptions {
  /** The run's own folder, which becomes the user's. */
  readonly home: RunFolder;
  /** From which the user's name is made. */
  readonly runName?: string;
  /** Groups of the system that the user is in, by name. They exist. */
  readonly groups?: readonly string[];
  /** Whether the run's user is the worker's own. */
  readonly asWorker?: boolean;
  /** Given a word by which `endLeftovers` finds the user, before there is one, where the user outlives the worker's death. */
  readonly keep?: ((trace: string) => void) | undefined;
}

/** The user of one run. Disposed of when all processes of the run are dead; what only this user could reach is gone then. */
export interface TaskUser extends Owner, AsyncDisposable {
  readonly name: string;
  /** Where on the machine lies what only the run sees, beside its own folder. */
  readonly folders: readonly string[];
  /**
   * Where on the machine lies what the user sees at an absolute path, whose temporary folders are not the machine's.
   *
   * @returns undefined for a path at which the worker must not make anything for this user
   */
  hostPath(path: string): HostPath | undefined;
}

export interface HostPath {
  readonly path: string;
  /** The folder of the user's that it lies in, and in which no link is to be followed, where that is not the run's own. */
  readonly within?: string;
}

/** What a sandbox is made of. */
export interface SandboxOptions {
  /** The run's own folder; commands start there. */
  readonly home: RunFolder;
  /**
   * Given a word, before anything can be run, by which `endLeftovers` finds the processes of the run and those beside it.
   * What the engine itself had started by then ends with the worker.
   */
  readonly keep?: ((trace: string) => void) | undefined;
  /** Made by `makeUser` of the same engine; without it, the sandbox makes one of its own. */
  readonly user?: TaskUser | undefined;
  /** What a container is made of; needed with the capability `containers`. */
  readonly container?: ContainerPart;
}

/** The two ends of a TCP connection to a server of this process, as the server sees them. */
export interface Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Whether it still stands at this moment, also where nobody has read yet that it was broken: what comes from the same
   * addresses afterwards is another connection, and maybe another's.
   */
  stands(): boolean;
}

/** What the processes of one run have used so far, those that have ended included as far as the platform tells. */
export interface Usage {
  readonly userMs: number;
  readonly kernelMs: number;
  /**
   * Of all its processes at this moment, in bytes. Memory that only mirrors files is not counted: the system can take it
   * back, and processes share it. Memory that processes share after a fork counts for each, unless it is a container's.
   */
  readonly memoryBytes: number;
  /**
   * The most that it was whenever somebody asked, or that one of the processes ever had by itself, in bytes. For a container
   * whose control group can be read, the most that its processes ever had together, what mirrors files included.
   */
  readonly peakMemoryBytes: number;
  /** Fetched from storage, not from the system's own memory. Absent where the system does not count it. */
  readonly readBytes?: number;
  /** Handed to the system to be stored. Absent where the system does not count it. */
  readonly writtenBytes?: number;
  /** How many there are at this moment. */
  readonly processes: number;
}

/** The processes of one run, all of them, however far they wandered from their parents. */
export interface Sandbox {
  /**
   * Runs one command to its end. Its standard output and error go, in the order they were written, to `output`, which
   * slows the command down when it is slow.
   *
   * Settles when the command itself has ended, also while a background child still holds its output open. Without the
   * capability `background`, its children end with it.
   *
   * @throws CommandNotStarted when there is nothing that could be run: missing, not executable, too large
   * @throws EngineAway when the engine could not be reached before the command was started
   */
  run(command: Command): Promise<CommandResult>;
  /** The task's files, as the task sees them. */
  readonly files: TaskFiles;
  /** Whether a connection was opened by a process of this run. Only with the capability `peers`. */
  isPeer?(connection: Connection): Promise<boolean>;
  /** Only with the capability `usage`. */
  usage?(): Promise<Usage>;
  /**
   * Starts a program in a terminal of its own, beside the commands; several at a time. It is a process of the run, and ends
   * with it. Nothing that the terminal shows is in any output. Only with the capability `terminals`.
   *
   * @throws NothingRuns where the engine can open a terminal only beside a command, and none runs; Error when it cannot be opened
   */
  openTerminal?(command: TerminalCommand): Promise<Terminal>;
  /** How many bytes of disk the run has where only the engine can count them, beside its folders. */
  diskBytes?(signal: AbortSignal): Promise<number>;
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
  /**
   * Removes what the engine keeps for {@link Sandbox.files} after {@link Sandbox.close}. An engine whose sandboxes have their
   * files in the run's folder has none of this. May be called again; after a failure it tries again.
   *
   * @throws Error after a bounded time, when something could not be removed
   */
  remove?(): Promise<void>;
}

export interface Command {
  /** The program and its arguments; a program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The whole environment: nothing of the worker's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** What it can read from its standard input; nothing unless given. */
  readonly stdin?: string | undefined;
  /** A chunk is only lent to it: it may not look at one any more when it has called back for it. */
  readonly output: NodeJS.WritableStream;
  /** Gets the standard error, if that is not to go to `output`; only from an engine that was made for it. */
  readonly errors?: NodeJS.WritableStream | undefined;
  /** Told when the command has ended, which may be a while before all of its output has been taken. */
  readonly onEnded?: (exitCode: number) => void;
}

/** What runs in a terminal. */
export interface TerminalCommand {
  /** The program and its arguments; a program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly size: TerminalSize;
}

/** In characters, 1 to 65,535 each. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A terminal with a program in it. Disposing of it hangs it up (SIGHUP). */
export interface Terminal extends AsyncDisposable {
  /** What the terminal shows is read from it, and what is typed is written to it. */
  readonly stream: Duplex;
  resize(size: TerminalSize): void;
  /** The program's exit code, as a shell has it, when it has ended. */
  readonly ended: Promise<number>;
}

/** A terminal that can be opened only beside a command, while none runs. It may be tried again. */
export class NothingRuns extends Error {
  override readonly name = 'NothingRuns';
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

/** The engine cannot be reached, and no process of the command was started. */
export class EngineAway extends Error {
  override readonly name = 'EngineAway';
}
