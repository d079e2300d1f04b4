import { execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { CommandLine } from './commands.ts';

/** A program's exit code and output. */
export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of a task that was started. */
export interface Started {
  /** Undefined if the command has no input. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves to the exit code, as a shell reports it. Rejects if the program could not be started. */
  readonly exited: Promise<number>;
}

/** Runs the machine's programs. Tests pass an executor that plays a transcript. */
export interface Executor {
  /** Runs a program to its end, whatever its exit code. @throws Error if it cannot be started, or takes too long */
  execute(line: CommandLine): Promise<Executed>;
  start(
    line: CommandLine,
    options: { readonly env: Readonly<Record<string, string>>; readonly hasStdin: boolean },
  ): Started;
}

/** Time limit for each program, in ms. A program that takes longer indicates a problem of the machine. */
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
      // Not every system maps the name of a signal to a number. sudo exits with 128 plus the number.
      child.on('exit', code => {
        resolve(code ?? SIGNALED + 9);
      });
    });
    const [stdin, stdout, stderr] = child.stdio as unknown as [Writable | null, Readable, Readable];
    return { stdin: stdin ?? undefined, stdout, stderr, exited };
  },
};
