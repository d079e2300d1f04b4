import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';

/** bin/tcw.js starts a worker with these. Without them, Node lets young objects fill 48 MB before it collects them. */
export const WORKER_FLAGS = ['--semi-space-growth-factor=1', '--heap-growing-percent=40'] as const;

const alive = new Set<ChildProcess>();

process.on('exit', () => {
  // Children with an IPC channel notice its end and exit by themselves, with their own cleanup.
  for (const child of alive) if (!child.connected) child.kill('SIGKILL');
});

/** Starts Node with a script, as `startProgram` does. */
export function startNode(
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
  stdio: StdioOptions,
): ChildProcess {
  return startProgram(process.execPath, words, variables, stdio);
}

/**
 * Starts a program with this Node first on its PATH. It does not outlive this process, unless this process is killed by
 * SIGKILL.
 *
 * @param variables added to the environment of this process, whose settings for workers are removed
 */
export function startProgram(
  program: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
  stdio: StdioOptions,
): ChildProcess {
  const clean = Object.entries(process.env).filter(([name]) => !/^(TCW|TASKCLUSTER|PULSE|NODE)_/.test(name));
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const child = spawn(program, words, {
    env: { ...Object.fromEntries(clean), PATH, ...variables },
    stdio,
  });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
}

/** Waits for the first message of a child for which `read` returns a result. Rejects if the child ends first. */
export async function firstMessage<Result>(
  child: ChildProcess,
  read: (message: unknown) => Result | undefined,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const onMessage = (message: unknown) => {
    const result = read(message);
    if (result !== undefined) resolve(result);
  };
  const onExit = (code: number | null) => {
    reject(new Error(`${child.spawnargs.join(' ')} ended at once (exit code ${code})`));
  };
  child.on('message', onMessage).once('exit', onExit).once('error', reject);
  try {
    return await promise;
  } finally {
    child.off('message', onMessage).off('exit', onExit).off('error', reject);
  }
}

/** Ends a child with SIGTERM, and with SIGKILL after 10 s. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(force);
}
