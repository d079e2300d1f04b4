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

/** A command that has been given to the system. */
export interface Launch {
  /** Settles as soon as the command's process is inside the enclosure, or when it never will be. */
  readonly inside: Promise<undefined>;
  /** Settles when the command has ended. Rejects with CommandNotStarted, or with an error of the machine. */
  readonly ended: Promise<Omit<CommandResult, 'wallMs'>>;
}

/** How the commands of a run are started. */
export interface LaunchOptions {
  readonly tools: Tools;
  /** The folder that each starts in. */
  readonly folder: string;
  /** Lines of shell that hold a command to the limits of a run. */
  readonly limits: string;
  /** Whether errors go to {@link ERRORS}. */
  readonly separateErrors?: boolean;
  /** Where the worker finds the run's root directory, and who runs programs there, where these are others than its own. */
  readonly view?: View;
}

/** What a launcher is reached by. */
export interface LauncherParts {
  /** Its standard input. */
  readonly jobs: Writable;
  /** What it writes to its descriptor 3. */
  readonly report: Readable;
  /** Variables by which the processes of the run are known. */
  readonly mark?: Readonly<Record<string, string>>;
}

/**
 * It hears the signals that a command sends to its whole process group (`kill 0`) but does not die of them; and since it
 * catches them and does not ignore them, a command starts with the default for each.
 *
 * It starts a runner for each line that it reads. Whatever a line is, it is never run here: a task can write to the pipe
 * while it is in the hands of a runner, which is in the task's own namespace, and the launcher is outside.
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
 * The arguments of a shell that is a launcher.
 *
 * @param runner a shell and what starts it
 * @param lines run once, before anything is started
 */
export const launcherWords = (runner: readonly string[], lines = '') => [
  '-c',
  `${startedLimits()}\n${lines}${LAUNCHER}`,
  'launcher',
  ...runner,
];

/**
 * The script of a shell that starts a program in a terminal and waits for it: outside of the PID namespace, whose members only
 * its children are. Its first argument is the mark of the run, the others are what it starts. It hears what is typed to end a
 * program, and does not die of it.
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

/** The descriptor of a launcher to which commands write errors, where that is not their output. */
export const ERRORS = 4;

/** Any line would do. */
const NEXT_RUNNER = 'next\n';

const ENDING = /^ended (\d+)\n.*\n(.*)\n/m;

/** The most that is kept of a report, in characters. Whoever writes more is a task. */
const LONGEST_REPORT = 64 * 1024;
/** How much of it an error quotes, in characters. */
const COMPLAINT_LENGTH = 2_000;

/**
 * Opens the pipe of the run's output once more, for one command. O_NONBLOCK belongs to what was opened (open(2)): a
 * program that sets it, as Node does while it runs, sets it for all that share that, and their writes fail. On other
 * systems than Linux, and where a task has hidden its own /proc, the command shares what the launcher has.
 */
const anew = (fd: number) => `true 2>/dev/null >/proc/self/fd/${fd} && exec ${fd}>/proc/self/fd/${fd}`;

/**
 * The shell that stands between the worker and the commands of one run. It waits outside of the run; its runner, another
 * shell, waits inside until it reads what to do, so that nothing but the command itself has to be started then. A
 * runner becomes the command. It tells that it is inside; the launcher tells when the command has ended, and the CPU
 * time, which Node does not.
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
    // That it is gone is seen by the end of its report.
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

  /** Starts a command. One at a time. */
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
        // Whoever ended the shell, ended the command too, or it cannot be followed any more.
        if (isInside) ended.resolve({ exitCode: 128 + constants.signals.SIGKILL });
        else ended.reject(neverInside(program, this.#report));
      }
    };
    this.#parts.jobs.write(this.#job(command, options));
    this.#onReport();
    return { inside: inside.promise, ended: ended.promise };
  }

  /** Waits for nothing more: the command that was launched counts as killed. */
  abandon(): void {
    this.#over = true;
    this.#parts.report.destroy();
    this.#onReport();
  }

  /** A task can kill the runner that waits. */
  #onIdleReport = (): void => {
    if (ENDING.test(this.#report)) this.#runnerWaits = false;
  };

  #job({ argv, env, stdin }: Command, options: LaunchOptions): string {
    const { tools, folder, limits, separateErrors = false } = options;
    const { mark = {} } = this.#parts;
    const { variables, restore } = carryEnvironment({ ...env, ...mark }, tools);
    const [program = ''] = argv;
    // For the programs before it, a first word with an equals sign may be a variable, and one with a dash an option.
    const guard = /=|^-/.test(program) ? [tools.nice, '-n', '0', '--'] : [];
    const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuoted(value)}`);
    // The braces have the shell read all of it before it does anything.
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

  /** The CPU times of one command, of a shell's times for all so far. */
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
  // Another way to be full: what an earlier command left running is as much as a run may have.
  return /fork/i.test(complaint)
    ? new CommandNotStarted(`fork/exec ${program}: resource temporarily unavailable`)
    : new Error(`A command could not enter its sandbox: ${complaint.trim().slice(-COMPLAINT_LENGTH)}`);
}

interface CpuTimes {
  readonly userMs: number;
  readonly kernelMs: number;
}

/**
 * Reads the second line that a shell's `times` prints: user and system time of the children that it waited for, each as
 * minutes and seconds: `0m0.040s 0m0.010s`.
 */
function parseTimes(line: string): CpuTimes | undefined {
  const found = /^(\d+)m(\d+\.\d+)s (\d+)m(\d+\.\d+)s$/.exec(line);
  if (found === null) return undefined;
  const [userMinutes = 0, userSeconds = 0, kernelMinutes = 0, kernelSeconds = 0] = found.slice(1).map(Number);
  const inMs = (minutes: number, seconds: number) => (minutes * 60 + seconds) * 1000;
  return { userMs: inMs(userMinutes, userSeconds), kernelMs: inMs(kernelMinutes, kernelSeconds) };
}
