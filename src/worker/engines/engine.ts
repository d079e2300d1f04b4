import type { Duplex } from 'node:stream';
import type { Images, Network, NetworkOptions, ContainerPart } from './container.ts';
import type { Owner } from '../files/owner.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { TaskFiles } from '../files/task-files.ts';
import type { FormatName } from '../task-spec.ts';

/**
 * What an engine can do on this platform. A task that needs a missing capability is refused, and the message names it.
 */
export type Capability =
  /** The task's files lie in the run's folder on this machine. */
  | 'host-files'
  /** Commands run as the worker's own user. */
  | 'own-user'
  /** Commands run as a system user that belongs to one run ({@link Engine.makeUser}). */
  | 'task-users'
  /** Connections can be attributed to a task's processes ({@link Sandbox.isPeer}). */
  | 'peers'
  /** Resource usage of a run can be measured ({@link Sandbox.usage}). */
  | 'usage'
  /** Background processes survive their command, until the sandbox is closed. */
  | 'background'
  /** Its sandboxes can open terminals ({@link Sandbox.openTerminal}). */
  | 'terminals'
  /** Sandboxes are containers, made from an image and the features' requirements ({@link ContainerPart}). */
  | 'containers';

/** Runs the commands of tasks. One engine serves a whole worker. */
export interface Engine {
  readonly name: string;
  /** The payload formats that it accepts. */
  readonly formats: readonly FormatName[];
  readonly capabilities: ReadonlySet<Capability>;
  /** The host name or address at which a task's processes reach a server of this process. */
  readonly hostAddress: string;
  /** The images of its containers. Only with the capability `containers`. */
  readonly images?: Images;
  /** The directory on this machine in which it stores files that runs write outside their own folders, if known. */
  readonly dataFolder?: string;
  /** The Unix socket through which this process controls the engine, if there is one on this machine. */
  readonly socketPath?: string;
  /** Makes a network for the containers of one run. Only with the capability `containers`. */
  readonly openNetwork?: (run: NetworkOptions) => Promise<Network>;
  /**
   * Makes a system user for one run. Only with the capability `task-users`.
   *
   * @throws Error when no user is left (code `ENOUSER`), or an error of the system
   */
  makeUser?(options: UserOptions): Promise<TaskUser>;
  /** Opens a sandbox for the commands of one run. Nothing that is started in it survives {@link Sandbox.close}. */
  open(options: SandboxOptions): Promise<Sandbox>;
  /**
   * Ends processes of runs whose worker died. Absent where processes cannot outlive the worker.
   *
   * @param traces from `open` and `makeUser`, which passed them to `keep`; other texts are ignored
   * @returns how many processes were ended
   * @throws Error when some could not be ended
   */
  endLeftovers?(traces: readonly string[]): Promise<number>;
  /**
   * Pings the engine, without waiting for it to come back. Only engines that may go away while the worker runs have
   * this.
   *
   * @throws Error after a bounded time when the engine does not answer; the message says why
   */
  readonly answers?: () => Promise<unknown>;
  /** Ends processes that were started in advance for runs that will not come. */
  close?(): Promise<void>;
}

/** Options for a run's user. */
export interface UserOptions {
  /** The run's folder, which becomes the user's. */
  readonly home: RunFolder;
  /** The user's name is derived from this. */
  readonly runName?: string;
  /** Names of existing groups of the system that the user joins. */
  readonly groups?: readonly string[];
  /** Whether the run's user is the worker's own. */
  readonly asWorker?: boolean;
  /**
   * Receives a trace by which `endLeftovers` finds the user, before the user exists. Called only where the user
   * outlives the worker.
   */
  readonly keep?: ((trace: string) => void) | undefined;
}

/**
 * The user of one run. Dispose of it when all processes of the run are dead. Files that only this user could reach go
 * with it.
 */
export interface TaskUser extends Owner, AsyncDisposable {
  readonly name: string;
  /** Directories on the machine that only the run sees, beside its own folder. */
  readonly folders: readonly string[];
  /**
   * The place on the machine of an absolute path as the user sees it: the user may have temporary directories of its
   * own.
   *
   * @returns undefined for a path at which the worker must not create anything for this user
   */
  hostPath(path: string): HostPath | undefined;
}

export interface HostPath {
  readonly path: string;
  /** The user's folder that contains the path, unless that is the run's own. No link in it may be followed. */
  readonly within?: string;
}

/** Options for a sandbox. */
export interface SandboxOptions {
  /** The run's folder, in which commands start. */
  readonly home: RunFolder;
  /**
   * Receives a trace by which `endLeftovers` finds the processes of the run and what belongs to them, before anything
   * can run. Processes that the engine itself started earlier end with the worker.
   */
  readonly keep?: ((trace: string) => void) | undefined;
  /** The result of `makeUser` of the same engine. Without it, the sandbox makes its own user. */
  readonly user?: TaskUser | undefined;
  /** Required with the capability `containers`. */
  readonly container?: ContainerPart;
}

/** The two ends of a TCP connection to a server of this process, as the server sees them. */
export interface Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Whether the connection is still established, even if nobody has read yet that it was broken. After that, a
   * connection between the same addresses is another one, possibly of somebody else.
   */
  isOpen(): boolean;
}

/** Resource usage of one run so far. Includes ended processes as far as the platform counts them. */
export interface Usage {
  readonly userMs: number;
  readonly kernelMs: number;
  /**
   * Memory of all processes now, in bytes. Pages that mirror files are not counted, because the system can reclaim
   * them. Pages that processes share after a fork count for each process, except in containers.
   */
  readonly memoryBytes: number;
  /**
   * The largest `memoryBytes` seen so far, or the peak of a single process if that is larger, in bytes. For a container
   * whose control group is readable, the peak of the whole group, with pages that mirror files.
   */
  readonly peakMemoryBytes: number;
  /** Bytes read from storage, not from the page cache. Absent where the system does not count them. */
  readonly readBytes?: number;
  /** Bytes written to storage. Absent where the system does not count them. */
  readonly writtenBytes?: number;
  /** The number of processes now. */
  readonly processes: number;
}

/** All processes of one run, including those that left their parents. */
export interface Sandbox {
  /**
   * Runs one command to its end. Standard output and error go to `output`, in the order in which they were written. A
   * slow `output` slows the command down.
   *
   * Settles when the command itself has ended, even if a background child still holds its output open. Without the
   * capability `background`, its children end with it.
   *
   * @throws CommandNotStarted when the program is missing, not executable, or its arguments are too large
   * @throws EngineUnreachable when the engine could not be reached before the command was started
   */
  run(command: Command): Promise<CommandResult>;
  /** The task's files, as the task sees them. */
  readonly files: TaskFiles;
  /** Whether a connection was opened by a process of this run. Only with the capability `peers`. */
  isPeer?(connection: Connection): Promise<boolean>;
  /** Only with the capability `usage`. */
  usage?(): Promise<Usage>;
  /**
   * Starts a program in a terminal of its own, beside the commands. A sandbox can have several. The program ends with
   * the run, and its output goes to the terminal only. Only with the capability `terminals`.
   *
   * @throws NoRunningCommand where the engine can open a terminal only beside a running command; Error when it cannot be
   *   opened
   */
  openTerminal?(command: TerminalCommand): Promise<Terminal>;
  /** Disk usage of the run in bytes, outside its folders, where only the engine can measure it. */
  diskBytes?(signal: AbortSignal): Promise<number>;
  /**
   * Sends SIGTERM to every process of the run, and SIGKILL after `graceMs` to those that are left. Settles when none is
   * left. Nothing can be run afterwards.
   *
   * @throws Error after a bounded time, naming the processes that did not end
   */
  stop(graceMs: number): Promise<void>;
  /**
   * Kills all processes of the run and frees what the sandbox holds. May be called again; after a failure it tries
   * again.
   *
   * @throws Error after a bounded time, naming the processes that did not end
   */
  close(): Promise<void>;
  /**
   * Removes what the engine keeps for {@link Sandbox.files} after {@link Sandbox.close}. Absent where the files are in
   * the run's folder. May be called again; after a failure it tries again.
   *
   * @throws Error after a bounded time, when something could not be removed
   */
  remove?(): Promise<void>;
}

export interface Command {
  /** The program and its arguments; a program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** The complete environment. No variable of the worker's is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Its standard input. Default: empty. */
  readonly stdin?: string | undefined;
  /** Chunks are reused. Do not keep one after calling the write callback. */
  readonly output: NodeJS.WritableStream;
  /** Receives standard error in place of `output`. Only some engines support this. */
  readonly errors?: NodeJS.WritableStream | undefined;
  /** Called when the command has ended. Its output may still be on its way. */
  readonly onEnded?: (exitCode: number) => void;
}

/** The program that runs in a terminal. */
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
  /** Reading gives the terminal's output. Writing is typed input. */
  readonly stream: Duplex;
  resize(size: TerminalSize): void;
  /** Resolves to the program's exit code, as a shell reports it. */
  readonly ended: Promise<number>;
}

/** The engine can open a terminal only while a command runs, and none does. The call can be repeated. */
export class NoRunningCommand extends Error {
  override readonly name = 'NoRunningCommand';
}

export interface CommandResult {
  /** As a shell reports it: 128 + N after signal N. */
  readonly exitCode: number;
  readonly wallMs: number;
  /** CPU time of the command and of children that it waited for. Absent where the platform does not count it. */
  readonly userMs?: number;
  readonly kernelMs?: number;
  /** Whether the system killed processes for lack of memory meanwhile. They need not be the command's. */
  readonly memoryRanOut?: boolean;
}

/** The command could not be started. The task's log has the message after `System error executing command: `. */
export class CommandNotStarted extends Error {
  override readonly name = 'CommandNotStarted';
}

/** The engine cannot be reached, and no process of the command was started. */
export class EngineUnreachable extends Error {
  override readonly name = 'EngineUnreachable';
}
