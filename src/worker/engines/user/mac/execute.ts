import { execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { CommandLine } from './commands.ts';

/** How a program ended, and what it printed. */
export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of a task that was started. */
export interface Started {
  /** Undefined where the command reads nothing. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code, as a shell has it. Rejects where the program could not be started. */
  readonly exited: Promise<number>;
}

/** Runs programs of the machine. Tests pass one that plays a transcript. */
export interface Executor {
  /** Runs a program to its end, whatever its exit code. @throws Error when it cannot be started, or takes too long */
  execute(line: CommandLine): Promise<Executed>;
  start(
    line: CommandLine,
    options: { readonly env: Readonly<Record<string, string>>; readonly hasStdin: boolean },
  ): Started;
}

/** Each program answers within this time (ms), or something is wrong with the machine. */
const PATIENCE_MS = 60_000;
const SIGNALED = 128;

export const machineExecutor: Executor = {
  execute: ([program, ...args]) =>
    new Promise((resolve, reject) => {
      execFile(
        program,
        args,
        { timeout: PATIENCE_MS, env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' } },
        (error, stdout, stderr) => {
          if (error && typeof error.code !== 'number') reject(new Error(error.message, { cause: error }));
          else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
        },
      );
    }),
  start: ([program, ...args], { env, hasStdin }) => {
    const child = spawn(program, args, {
      env: { ...env },
      cwd: '/',
      detached: true,
      stdio: [hasStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      // A signal's number is not known on every system by its name; sudo exits with 128 and the number.
      child.on('exit', code => {
        resolve(code ?? SIGNALED + 9);
      });
    });
    const [stdin, stdout, stderr] = child.stdio as unknown as [Writable | null, Readable, Readable];
    return { stdin: stdin ?? undefined, stdout, stderr, exited };
  },
};
