import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { CommandNotStarted, type Command, type CommandResult } from '../../engine.ts';
import { carryEnvironment } from './environment.ts';
import { KEEPER, SANDBOX } from '../processes/mark.ts';
import { shellQuoted } from '../../../../base/index.ts';
import { FROM_STDIN, openStdin } from './stdin.ts';
import { startedLimits } from './started-limits.ts';
import type { View } from './startable.ts';
import type { Tools } from './tools.ts';

/** A started command. */
export interface Launch {
  /** Settles when the command's process is inside the enclosure, or never will be. */
  readonly inside: Promise<undefined>;
  /** Settles when the command has ended. Rejects with CommandNotStarted, or with an error of the system. */
  readonly ended: Promise<Omit<CommandResult, 'wallMs'>>;
}

/** How a run's commands are started. */
export interface LaunchOptions {
  readonly tools: Tools;
  /** The folder in which they start. */
  readonly folder: string;
  /** Shell lines that set the limits of a run. */
  readonly limits: string;
  /** Whether errors go to {@link ERRORS}. */
  readonly separateErrors?: boolean;
  /** The run's root directory as the worker sees it, and the user of its programs, where these differ from the worker's. */
  readonly view?: View;
}

/** The connections to a launcher. */
export interface LauncherParts {
  /** Its standard input. */
  readonly jobs: Writable;
  /** Its descriptor 3. */
  readonly report: Readable;
  /** Variables that identify the processes of the run. */
  readonly mark?: Readonly<Record<string, string>>;
}

/**
 * A launcher receives the signals that a command sends to its whole process group (`kill 0`), and survives them. It traps
 * them instead of ignoring them, so commands start with the default handlers.
 *
 * It starts a runner for each line of input, and never executes the line itself. A task could write to the pipe while a
 * runner has it; the runner is in the task's own namespace, but the launcher is outside.
 */
const LAUNCHER = `
  trap : HUP INT QUIT TERM USR1 USR2 ALRM
  exec 2>&3
  unset ${KEEPER}
  while read -r word; do
    "$@"
    echo "ended $?" >&3
    times >&3
  done`;

/**
 * The arguments of a launcher shell.
 *
 * @param runner a shell, and the programs before it
 * @param lines run once, before anything is started
 */
export const launcherArgs = (runner: readonly string[], lines = '') => [
  '-c',
  `${startedLimits()}\n${lines}${LAUNCHER}`,
  'launcher',
  ...runner,
];

/**
 * The script of a shell that starts a program in a terminal and waits for it. It is outside the PID namespace: only its
 * children are members. Its first argument is the run's mark, the others are the program. It survives the terminal's
 * interrupt keys.
 *
 * @param lines run before anything is started, with the mark in the variable TCW_KEEPER
 */
export const terminalLauncher = (lines = '') => `
  trap : HUP INT QUIT TERM TSTP
  ${startedLimits()}
  ${KEEPER}=$1
  shift
  ${lines}
  unset ${KEEPER}
  "$@"
  code=$?
  exit "$code"`;

/** The launcher's descriptor for standard error, where that is separate. */
export const ERRORS = 4;

/** The text is irrelevant. */
const NEXT_RUNNER = 'next\n';

const ENDING = /^ended (\d+)\n.*\n(.*)\n/m;

/** Longest report, in characters. Only a task would write more. */
const LONGEST_REPORT = 64 * 1024;
/** How much of a report an error quotes, in characters. */
const COMPLAINT_LENGTH = 2_000;

/**
 * Opens the pipe of the run's output again, for one command. O_NONBLOCK belongs to the open file description (open(2)): if
 * a program sets it, as Node does, writes of all others that share it fail. On systems other than Linux, and where a task
 * has hidden its own /proc, commands share the launcher's description.
 */
const anew = (fd: number) => `true 2>/dev/null >/proc/self/fd/${fd} && exec ${fd}>/proc/self/fd/${fd}`;

/**
 * The shell between the worker and the commands of one run. The launcher waits outside the run. Its runner, another shell,
 * waits inside for its job, so that only the command itself remains to be started. The runner becomes the command. It
 * reports that it is inside; the launcher reports the end of the command and its CPU time, which Node does not provide.
 */
export class Launcher {
  readonly #parts: LauncherParts;
  #report = '';
  #over = false;
  #runnerWaits = true;
  #onReport: () => void;
  #cpuBefore: CpuTimes = { userMs: 0, kernelMs: 0 };

  constructor(parts: LauncherParts) {
    this.#parts = parts;
    this.#onReport = this.#onIdleReport;
    const { jobs, report } = parts;
    // Its end is detected by the end of its report.
    jobs.on('error', () => undefined);
    jobs.write(NEXT_RUNNER);
    report.on('data', (chunk: Buffer) => {
      this.#report += chunk.toString('latin1');
      if (this.#report.length > LONGEST_REPORT) this.abandon();
      this.#onReport();
    });
    const end = () => {
      this.#over = true;
      this.#onReport();
    };
    report.on('end', end).on('error', end).on('close', end);
  }

  /** Starts a command. Only one runs at a time. */
  launch(command: Command, options: LaunchOptions): Launch {
    const [program = ''] = command.argv;
    const inside = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<Omit<CommandResult, 'wallMs'>>();
    this.#report = '';
    if (!this.#runnerWaits) this.#parts.jobs.write(NEXT_RUNNER);
    this.#runnerWaits = false;
    this.#onReport = () => {
      const isInside = /^inside$/m.test(this.#report);
      const ending = ENDING.exec(this.#report);
      if (ending) this.#onReport = this.#onIdleReport;
      if (isInside || ending || this.#over) inside.resolve(undefined);
      if (ending && isInside)
        ended.resolve({ exitCode: Number(ending[1]), ...this.#cpuTimes(ending[2] ?? '') });
      else if (ending || this.#over) {
        // Whoever ended the shell ended the command, too, or the command cannot be followed any more.
        if (isInside) ended.resolve({ exitCode: 128 + constants.signals.SIGKILL });
        else ended.reject(neverInside(program, this.#report));
      }
    };
    this.#parts.jobs.write(this.#job(command, options));
    this.#onReport();
    return { inside: inside.promise, ended: ended.promise };
  }

  /** Stops waiting: the current command counts as killed. */
  abandon(): void {
    this.#over = true;
    this.#parts.report.destroy();
    this.#onReport();
  }

  /** Detects that a task killed the waiting runner. */
  #onIdleReport = (): void => {
    if (ENDING.test(this.#report)) this.#runnerWaits = false;
  };

  #job({ argv, env, stdin }: Command, options: LaunchOptions): string {
    const { tools, folder, limits, separateErrors = false } = options;
    const { mark = {} } = this.#parts;
    const { variables, restore } = carryEnvironment({ ...env, ...mark }, tools);
    const [program = ''] = argv;
    // Programs before the command would read a first word with an equals sign as a variable, and one with a dash as an
    // option.
    const guard = /=|^-/.test(program) ? [tools.nice, '-n', '0', '--'] : [];
    const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuoted(value)}`);
    // The braces make the shell read the whole job before it executes any of it.
    return `{
      cd -- ${shellQuoted(folder)} || exit 1
      printf 'inside\\n' >&3
      ${limits}
      ${anew(1)}
      ${separateErrors ? anew(ERRORS) : ''}
      ${stdin === undefined ? '' : openStdin(stdin)}
      set -- ${[...guard, ...argv].map(shellQuoted).join(' ')}
      unset PATH ${SANDBOX}
      ${restore}
      ${exports.join('\n')}
      exec "$@" ${separateErrors ? `2>&${ERRORS}` : '2>&1'} 3>&- ${ERRORS}>&- ${stdin === undefined ? '</dev/null' : FROM_STDIN}
    }\n`;
  }

  /** The CPU times of one command, from the shell's totals. */
  #cpuTimes(line: string): Partial<CpuTimes> {
    const total = parseTimes(line);
    if (total === undefined) return {};
    const before = this.#cpuBefore;
    this.#cpuBefore = total;
    return {
      userMs: Math.round(total.userMs - before.userMs),
      kernelMs: Math.round(total.kernelMs - before.kernelMs),
    };
  }
}

function neverInside(program: string, complaint: string): Error {
  // Processes that an earlier command left have reached the run's limit.
  return /fork/i.test(complaint)
    ? new CommandNotStarted(`fork/exec ${program}: resource temporarily unavailable`)
    : new Error(`A command could not enter its sandbox: ${complaint.trim().slice(-COMPLAINT_LENGTH)}`);
}

interface CpuTimes {
  readonly userMs: number;
  readonly kernelMs: number;
}

/**
 * Parses the second line of the shell's `times`: user and system time of its children, each as minutes and seconds:
 * `0m0.040s 0m0.010s`.
 */
function parseTimes(line: string): CpuTimes | undefined {
  const found = /^(\d+)m(\d+\.\d+)s (\d+)m(\d+\.\d+)s$/.exec(line);
  if (found === null) return undefined;
  const [userMinutes = 0, userSeconds = 0, kernelMinutes = 0, kernelSeconds = 0] = found.slice(1).map(Number);
  const inMs = (minutes: number, seconds: number) => (minutes * 60 + seconds) * 1000;
  return { userMs: inMs(userMinutes, userSeconds), kernelMs: inMs(kernelMinutes, kernelSeconds) };
}
