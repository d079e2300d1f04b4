import { spawn, type ChildProcess } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

/** `tcw`, bundled as it is published. */
export const bin = inject('program');

/** `tcw` as it runs in a checkout, each module from its own file. It takes three times as long to start. */
export const unbundled = fileURLToPath(new URL('../../bin/tcw.js', import.meta.url));

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Start {
  /** The `bin/tcw.js` that is started, by default the bundled one. */
  readonly program?: string;
  /** A Node that runs bin/tcw.js directly, without its shell. */
  readonly node?: string;
  /** Options for that Node, by default the one of the tests. */
  readonly nodeOptions?: readonly string[];
  /** A program and its arguments that start Node, such as setpriv for another user. */
  readonly before?: readonly string[];
  /** Added to an environment that has nothing of Taskcluster, Pulse or tcw in it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What stands on its standard input; nothing by default. */
  readonly input?: string;
  /** Whether more may be written to its standard input, which else ends after that. */
  readonly inputStaysOpen?: true;
}

/** Starts the real `tcw`, as a user does. */
export function start(
  words: readonly string[],
  { program: tcw = bin, node, nodeOptions, before = [], environment, input, inputStaysOpen }: Start = {},
): ChildProcess {
  const direct = [node ?? process.execPath, ...(nodeOptions ?? [])];
  const started = (node ?? nodeOptions) ? [...direct, tcw] : [tcw];
  const [program = '', ...rest] = [...before, ...started, ...words];
  const child = spawn(program, rest, {
    env: { ...cleanEnvironment(), ...environment },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (inputStaysOpen) child.stdin?.write(input ?? '');
  else child.stdin?.end(input);
  return child;
}

/** An environment that has nothing of Taskcluster, Pulse or tcw in it, and finds the Node of the tests first. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(TCW|TASKCLUSTER|PULSE|NODE|npm_lifecycle)_/.test(name),
  );
  const { PATH = '' } = process.env;
  return { ...Object.fromEntries(clean), PATH: `${dirname(process.execPath)}${delimiter}${PATH}` };
}

/** Runs the real `tcw` to its end. */
export async function tcw(words: readonly string[], options?: Start): Promise<Ended> {
  const child = start(words, options);
  const [stdout, stderr, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve)),
  ]);
  return { exitCode, stdout, stderr };
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
