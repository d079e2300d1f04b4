import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { NativeEngineOptions } from '../../src/worker/engines/native/index.ts';
import { newFolder } from './native-fixtures.ts';

export const workerScript = fileURLToPath(new URL('worker-process.ts', import.meta.url));

export interface Worker {
  readonly containment: string;
  readonly fallbackReason?: string;
  readonly unlimitedReason?: string;
  readonly kill: () => void;
  /** Lets the worker stop its sandbox and end; returns how the command ended. */
  readonly finish: () => Promise<{ exitCode: number; output: string }>;
}

/**
 * Starts a worker of its own process that runs one line of shell.
 *
 * @param prefix a program and its arguments that run the worker, such as setpriv for another user
 */
export async function startWorker(
  prefix: readonly string[],
  line: string,
  options: NativeEngineOptions = {},
): Promise<Worker> {
  const folder = await newFolder();
  const [file = '', ...words] = [...prefix, process.execPath, workerScript, folder, JSON.stringify(options)];
  const subprocess = execa(file, words, {
    env: { TCW_TEST_LINE: line },
    stdin: 'pipe',
    stderr: 'inherit',
    buffer: false,
    reject: false,
  });
  onTestFinished(() => void subprocess.kill('SIGKILL'));
  const lines = createInterface(subprocess.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await lines.next()).value)) as unknown;
  const hello = (await next()) as Omit<Worker, 'kill' | 'finish'>;
  return {
    ...hello,
    kill: () => void subprocess.kill('SIGKILL'),
    finish: async () => {
      subprocess.stdin.end();
      return (await next()) as { exitCode: number; output: string };
    },
  };
}
