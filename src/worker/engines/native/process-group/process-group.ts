import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { assertDescriptors } from '../launcher/descriptors.ts';
import type { Census } from '../processes/census.ts';
import type { Enclosure } from '../enclosure.ts';
import { endMembers, stopMembers } from './end-members.ts';
import { groupCensus } from './group-census.ts';
import { Launcher, launcherArgs } from '../launcher/launcher.ts';
import { SANDBOX } from '../processes/mark.ts';
import { MemberSearch } from './member-search.ts';
import type { OpenPty } from '../../terminal/index.ts';
import type { OutputPipe } from '../launcher/output-pipe.ts';
import { isRunning } from '../processes/process-table.ts';
import { signal } from '../processes/signal.ts';
import { startedLimits } from '../launcher/started-limits.ts';
import type { Tools } from '../launcher/tools.ts';
import { withNewWatchdog, type GroupOptions, type OutputPipes, type Watchdog } from './watchdog.ts';
import { within } from './within.ts';

/** Both ends of two pipes, the pipe that reports a failed start, and a reserve. */
const DESCRIPTORS_OF_A_LAUNCHER = 8;

/** How long the watchdog may take to end by itself, in ms. */
const WATCHDOG_MS = 1_000;
/** How long it may outlive SIGKILL, in ms. */
const WATCHDOG_KILLED_MS = 30_000;

/**
 * Opens an enclosure without a PID namespace.
 *
 * @param mark identifies the run's processes, different for each run
 */
export async function openProcessGroups(mark: string, options: GroupOptions): Promise<Enclosure> {
  return await withNewWatchdog(mark, options, (watchdog, pipes) => {
    const launcher = startLauncher(mark, pipes, options.tools);
    // If it did not start, it has no streams, whatever the types say. The next search finds nothing.
    if (launcher.pid === undefined)
      throw new Error('The shell that starts the commands of a run did not start');
    watchdog.write(`leader ${launcher.pid}`);
    return new ProcessGroups(watchdog, launcher, launcher.pid, pipes, { mark, tools: options.tools });
  });
}

/** Starts the launcher shell, which leads the process group of the commands. The group is also a session. */
function startLauncher(
  mark: string,
  { pipe, errors }: OutputPipes,
  { closing, shell, searchPath }: Tools,
): ChildProcess {
  assertDescriptors(DESCRIPTORS_OF_A_LAUNCHER);
  const [file = shell, ...words] = [...closing, shell, ...launcherArgs([shell])];
  const launcher = spawn(file, words, {
    env: { PATH: searchPath, [SANDBOX]: mark },
    cwd: '/',
    detached: true,
    // The last is {@link ERRORS}.
    stdio: ['pipe', pipe.writer, 'ignore', 'pipe', ...(errors ? [errors.writer] : [])],
  });
  // Its streams report its errors.
  launcher.on('error', () => undefined);
  return launcher;
}

class ProcessGroups implements Enclosure {
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  readonly errors: OutputPipe | undefined;
  readonly census: Census;
  readonly #watchdog: Watchdog;
  readonly #jobs: Writable;
  /** The launcher. */
  readonly #leader: number;
  readonly #search: MemberSearch;
  readonly #tools: Tools;
  readonly #marked: Readonly<Record<string, string>>;
  #over = false;
  #killed: Promise<void> | undefined;

  constructor(
    watchdog: Watchdog,
    launcher: ChildProcess,
    leader: number,
    pipes: OutputPipes,
    { mark, tools }: { readonly mark: string; readonly tools: Tools },
  ) {
    this.#watchdog = watchdog;
    this.pipe = pipes.pipe;
    this.errors = pipes.errors;
    const [jobs, , , report] = launcher.stdio as unknown as [Writable, null, null, Readable];
    const marked = { [SANDBOX]: mark };
    this.#tools = tools;
    this.#marked = marked;
    this.#jobs = jobs;
    this.#leader = leader;
    this.launcher = new Launcher({ jobs, report, mark: marked });
    this.#search = new MemberSearch([`${SANDBOX}=${mark}`], watchdog.pid, leader);
    this.census = groupCensus(this.#search, leader);
    void watchdog.ended.then(() => {
      this.#over = true;
    });
    launcher.on('exit', () => {
      this.#over = true;
      this.#forgetGroup();
    });
  }

  inTerminal(script: string, env: Readonly<Record<string, string>>) {
    const { closing, shell } = this.#tools;
    const [file = shell, ...args] = [...closing, shell, '-c', `${startedLimits()}\n${script}`];
    return { file, args, env: { ...env, ...this.#marked } };
  }

  /** The program in a terminal leads a session. The session's number is free again when the whole session has ended. */
  onTerminal({ pid, ended }: OpenPty): void {
    this.#search.sessions.add(pid);
    void ended.then(() => {
      if (signal(-pid, 0) === 'gone') this.#search.sessions.delete(pid);
    });
  }

  /** An empty group is forgotten: its number may be reused. */
  #forgetGroup(): void {
    if (signal(-this.#leader, 0) !== 'gone') return;
    this.#search.group = undefined;
    this.#watchdog.write('leader');
  }

  get over(): boolean {
    return this.#over || !isRunning(this.#watchdog.pid) || !isRunning(this.#leader);
  }

  async anyAlive(): Promise<boolean> {
    return (await this.#search.members()).some(({ pid }) => pid !== this.#leader);
  }

  async terminate(): Promise<void> {
    // The launcher only waits, and is not part of the task.
    const stopped = await stopMembers(this.#search, { except: this.#leader, otherwise: 'SIGCONT' });
    for (const { pid } of stopped) signal(pid, 'SIGTERM');
    for (const { pid } of stopped) signal(pid, 'SIGCONT');
  }

  /** Can be repeated after a failure. */
  kill(): Promise<void> {
    this.#killed ??= this.#kill().catch(error => {
      this.#killed = undefined;
      throw error;
    });
    return this.#killed;
  }

  async #kill(): Promise<void> {
    try {
      await endMembers(this.#search);
    } catch (error) {
      // Fallback when the members are unknown.
      if (this.#search.group !== undefined) signal(-this.#search.group, 'SIGKILL');
      throw error;
    }
    this.#jobs.destroy();
    this.#watchdog.write('done');
    // A task of the same user can stop the watchdog.
    const late = setTimeout(() => this.#watchdog.kill(), WATCHDOG_MS);
    try {
      await within(
        this.#watchdog.ended,
        WATCHDOG_KILLED_MS,
        `The watchdog ${this.#watchdog.pid} of a run does not end`,
      );
    } finally {
      clearTimeout(late);
      this.#watchdog.release();
    }
  }
}
