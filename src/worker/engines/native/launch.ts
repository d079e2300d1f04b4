import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { CommandNotStarted, type Command, type CommandResult } from '../engine.ts';
import { assertDescriptors } from './descriptors.ts';
import { FIRST_DESCRIPTOR, type Enclosure } from './enclosure.ts';
import { carryEnvironment } from './environment.ts';
import { notStarted } from './startable.ts';
import type { Tools } from './tools.ts';

/** Both ends of two pipes, of the one by which a start that fails is told, and some to spare. */
const DESCRIPTORS_OF_A_START = 8;

/** A command that has been given to the system. */
export interface Launch {
  /** Settles as soon as the command's process is inside the enclosure, or when it never will be. */
  readonly inside: Promise<undefined>;
  /** Settles when the command has ended. Rejects with CommandNotStarted, or with an error of the machine. */
  readonly ended: Promise<Omit<CommandResult, 'wallMs'>>;
}

/**
 * The shell that stands between the worker and a command. It tells when the command's process exists, merges standard
 * error into standard output, waits, and tells the CPU time of what it waited for, which Node does not. It hears the
 * signals that a command sends to its whole process group (`kill 0`) but does not die of them; and since it catches
 * them and does not ignore them, the command starts with the default for each.
 */
function script({ entrance }: Enclosure, tools: Tools, limits: string, restore: string): string {
  const extra = entrance.descriptors.map((_, index) => `${FIRST_DESCRIPTOR + index}<&-`);
  return `
    ${extra.length === 0 ? ':' : `exec ${extra.join(' ')}`}
    trap : HUP INT QUIT TERM USR1 USR2 ALRM
    cd -- "$1" || exit 1
    shift
    (printf 'inside\\n' >&3
      ${limits}
      ${restore}
      exec ${entrance.launch} ${tools.env} "$@" 2>&1 3>&-)
    code=$?
    times >&3
    exit "$code"`;
}

export interface LaunchOptions {
  readonly tools: Tools;
  /** The folder that the command starts in. */
  readonly folder: string;
  /** Lines of shell that hold the command to the limits of a run. */
  readonly limits: string;
}

/** Starts a command inside an enclosure, with its output going into the enclosure's pipe. */
export function launch(
  enclosure: Enclosure,
  command: Command,
  { tools, folder, limits }: LaunchOptions,
): Launch {
  const { entrance, pipe } = enclosure;
  const [program = ''] = command.argv;
  const { env, restore } = carryEnvironment({ ...command.env, ...entrance.mark });
  // For env(1), a first word with an equals sign is one more variable, and a lone dash is an option.
  const guard = /=|^-$/.test(program) ? [tools.nice, '-n', '0', '--'] : [];
  const wrapper = [tools.shell, '-c', script(enclosure, tools, limits, restore), 'sh', folder];
  const [file = '', ...words] = [...entrance.enter, ...wrapper, ...guard, ...command.argv];

  assertDescriptors(DESCRIPTORS_OF_A_START);
  let subprocess: ChildProcess;
  try {
    subprocess = spawn(file, words, {
      env,
      cwd: '/',
      detached: true,
      stdio: ['ignore', pipe.writer, 'pipe', 'pipe', ...entrance.descriptors],
    });
  } catch (error) {
    throw notStarted(program, (error as NodeJS.ErrnoException).code ?? '') ?? error;
  }
  const end = endOf(subprocess);
  const { pid } = subprocess;
  if (pid !== undefined) enclosure.entered(pid);
  const inside = Promise.withResolvers<undefined>();
  const complaint = collect(subprocess, 2);
  const status = collect(subprocess, 3, () => {
    inside.resolve(undefined);
  });
  const ended = end
    .finally(() => {
      if (pid !== undefined) enclosure.left(pid);
      inside.resolve(undefined);
    })
    .then(({ code, signal }) => {
      if (code === null) return { exitCode: 128 + constants.signals[signal ?? 'SIGKILL'] };
      if (status().startsWith('inside')) return { exitCode: code, ...cpuTimes(status()) };
      // Another way to be full: what an earlier command left running is as much as a run may have.
      if (/fork/i.test(complaint())) {
        throw new CommandNotStarted(`fork/exec ${program}: resource temporarily unavailable`);
      }
      throw new Error(`A command could not enter its sandbox: ${complaint()}`);
    });
  return { inside: inside.promise, ended };
}

/** Gathers a few lines that a program prints; call what it returns for what has come so far. */
function collect(subprocess: ChildProcess, descriptor: number, onData?: () => void): () => string {
  let text = '';
  // There are no streams at all when the worker has no descriptors left for them, whatever the types say.
  const streams = subprocess.stdio as ChildProcess['stdio'] | undefined;
  streams?.[descriptor]?.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    onData?.();
  });
  return () => text;
}

function endOf(subprocess: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    subprocess.once('error', reject);
    subprocess.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
}

/**
 * Reads what the shell's `times` prints: user and system time of the shell itself, and on the next line those of the
 * children that it waited for, each as minutes and seconds: `0m0.040s 0m0.010s`.
 */
function cpuTimes(status: string): { userMs?: number; kernelMs?: number } {
  const [, , children = ''] = status.split('\n');
  const found = /^(\d+)m(\d+\.\d+)s (\d+)m(\d+\.\d+)s$/.exec(children);
  if (found === null) return {};
  const [userMinutes = 0, userSeconds = 0, kernelMinutes = 0, kernelSeconds = 0] = found.slice(1).map(Number);
  const inMs = (minutes: number, seconds: number) => Math.round((minutes * 60 + seconds) * 1000);
  return { userMs: inMs(userMinutes, userSeconds), kernelMs: inMs(kernelMinutes, kernelSeconds) };
}
