import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { Usage } from '../../src/worker/engines/engine.ts';
import type { NativeEngineOptions } from '../../src/worker/engines/native/index.ts';
import { findProgram, newFolder } from './native-fixtures.ts';

export const workerScript = fileURLToPath(new URL('worker-process.ts', import.meta.url));

/** Prefix that runs a worker as the user nobody. */
export const asNobody = [
  findProgram('setpriv') ?? 'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--',
];

/** Whether the test is root, and the user nobody can read the project. */
export const canBeNobody =
  process.getuid?.() === 0 &&
  spawnSync(asNobody[0] ?? '', [...asNobody.slice(1), process.execPath, '--check', workerScript]).status ===
    0;

export interface Worker {
  readonly containment: string;
  readonly fallbackReason?: string;
  readonly unlimitedReason?: string;
  readonly capabilities: readonly string[];
  readonly pid: number;
  readonly kill: () => void;
  /** Makes the worker stop its sandbox and exit. Returns how the command ended. */
  readonly finish: () => Promise<Finish>;
}

export interface Finish {
  readonly exitCode: number;
  readonly output: string;
  /** The error from stopping the sandbox, if any. */
  readonly failure?: string;
  /** The number of further commands that were run. */
  readonly more?: number;
  /** The run's usage. */
  readonly usage?: Usage;
}

export interface WorkerSettings extends NativeEngineOptions {
  /** The command, instead of the line. */
  readonly argv?: readonly string[];
  /** The command's environment. Default: only PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Grace period of the command, in ms. Default: a minute. */
  readonly graceMs?: number;
  /** Whether `finish` waits for the command to end by itself. */
  readonly toItsEnd?: boolean;
  /** How many more commands are run after it, as long as they start. */
  readonly more?: number;
  /**
   * Whether the command has a variable PORT. The server on this port tells each client whether its connection belongs
   * to the run. The worker then waits for the first connection.
   */
  readonly peers?: boolean;
}

/**
 * Starts a worker in a separate process. It runs one line of shell.
 *
 * @param prefix a program and its arguments before the worker's, such as setpriv for another user
 */
export async function startWorker(
  prefix: readonly string[],
  line: string,
  settings: WorkerSettings = {},
): Promise<Worker> {
  const folder = await newFolder();
  const [file = '', ...words] = [...prefix, process.execPath, workerScript, folder];
  const subprocess = execa(file, words, {
    env: { TCW_TEST_LINE: line, TCW_TEST_SETTINGS: JSON.stringify(settings) },
    stdin: 'pipe',
    stderr: 'inherit',
    buffer: false,
    reject: false,
  });
  onTestFinished(() => void subprocess.kill('SIGKILL'));
  const lines = createInterface(subprocess.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await lines.next()).value)) as unknown;
  const hello = (await next()) as Omit<Worker, 'pid' | 'kill' | 'finish'>;
  return {
    ...hello,
    pid: subprocess.pid ?? 0,
    kill: () => void subprocess.kill('SIGKILL'),
    finish: async () => {
      subprocess.stdin.end();
      return (await next()) as Finish;
    },
  };
}
