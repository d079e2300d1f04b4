import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';

/** The context of a mock engine's command. */
export interface MockRun {
  /** The run's folder, absolute. */
  readonly home: string;
  /** Resolves a path of a command on this machine. Throws for a path outside the run's folder. */
  readonly pathOf: (path: string) => string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** Writes to the command's output. Settles when that accepts more. */
  readonly print: (bytes: string | Buffer) => Promise<void>;
  /** Aborted when the run is stopped, as by SIGTERM. */
  readonly asked: AbortSignal;
  /** Aborted when the run is killed, as by SIGKILL. */
  readonly ended: AbortSignal;
  readonly client: Client;
  /** Continues something in the background until it or the run ends. */
  readonly beside: (work: Promise<unknown>) => void;
}

/** Executes a command. @returns its exit code */
type MockCommand = (run: MockRun, ...words: string[]) => Promise<number>;

/** Exit codes after SIGTERM and SIGKILL. */
export const [TERMINATED, KILLED] = [128 + 15, 128 + 9];

/** Bytes per write. */
const CHUNK = 64 * 1024;

/**
 * The commands of a mock engine: `['print', 'hello\n']`. Each exits with 0 unless described otherwise, and with 143
 * when the run is stopped meanwhile.
 */
export const COMMANDS: Readonly<Record<string, MockCommand>> = {
  /** `print TEXT`: prints a text unchanged. */
  print: async ({ print }, text = '') => {
    await print(text);
    return 0;
  },
  /** `flood BYTES`: prints this many bytes. */
  flood: async ({ print, asked }, bytes = '0') => {
    const chunk = Buffer.alloc(CHUNK, 'x');
    for (let left = Number(bytes); left > 0 && !asked.aborted; left -= CHUNK) {
      await print(chunk.subarray(0, Math.min(left, CHUNK)));
    }
    return asked.aborted ? TERMINATED : 0;
  },
  /** `print-environment`: prints all variables, each ended by a NUL. */
  'print-environment': async ({ print, env }) => {
    await print(
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}\0`)
        .join(''),
    );
    return 0;
  },
  /** `print-stdin`: prints the standard input. */
  'print-stdin': async ({ print, stdin }) => {
    await print(stdin);
    return 0;
  },
  /** `print-folder`: prints the run's folder. */
  'print-folder': async ({ print, home }) => {
    await print(home);
    return 0;
  },
  /** `exit CODE`: ends with an exit code. */
  exit: async (_run, code = '0') => Number(code),
  /** `exit-in-run RUN CODE`: ends with an exit code in one run of the task, and with 0 in any other. */
  'exit-in-run': async ({ env }, runId = '0', code = '0') => (env.RUN_ID === runId ? Number(code) : 0),
  /** `sleep MS`: waits this many ms, or until the run is stopped. */
  sleep: async ({ asked }, ms = '0') => ((await slept(Number(ms), asked)) ? 0 : TERMINATED),
  /** `ignore-stop MS`: waits this many ms, and ignores a stop. */
  'ignore-stop': async ({ ended }, ms = '0') => ((await slept(Number(ms), ended)) ? 0 : KILLED),
  /** `write-file PATH TEXT`: writes a file in the run's folder, and folders for it. */
  'write-file': async ({ pathOf }, file = '', text = '') => {
    const place = pathOf(file);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, text);
    return 0;
  },
  /** `read-file PATH`: prints a file of the run's folder. */
  'read-file': async ({ pathOf, print }, file = '') => {
    await print(await readFile(pathOf(file)));
    return 0;
  },
  /** `later MS PATH`: exits immediately, and writes an empty file after this many ms unless the run is over. */
  later: async ({ pathOf, beside, ended }, ms = '0', file = '') => {
    const place = pathOf(file);
    beside(sleep(Number(ms), undefined, { signal: ended }).then(() => writeFile(place, '')));
    return 0;
  },
  /** `all COMMAND…`: executes several commands, each written as JSON, up to the first failure. */
  all: async (run, ...commands) => {
    for (const command of commands) {
      const exitCode = await runCommand(run, JSON.parse(command) as string[]);
      if (exitCode !== 0) return exitCode;
    }
    return 0;
  },
  /** `get-url URL`: prints the content of a URL; exits with 22 for an error status. */
  'get-url': async ({ client, asked, print }, url = '') => {
    const { ok, body } = await client.get(url, asked);
    await print(body);
    return ok ? 0 : 22;
  },
  /** `call PATH`: the same for a path of the Taskcluster proxy, in which `$TASK_ID` is replaced by the task's own. */
  call: (run, servicePath = '') => {
    const { TASKCLUSTER_PROXY_URL: proxy = '', TASK_ID: taskId = '' } = run.env;
    return runCommand(run, ['get-url', `${proxy}/${servicePath.replaceAll('$TASK_ID', taskId)}`]);
  },
};

/** Executes a command whose first word is one of {@link COMMANDS}. */
export async function runCommand(run: MockRun, [word = '', ...words]: readonly string[]): Promise<number> {
  const meaning = COMMANDS[word];
  if (meaning === undefined) throw new Error(`not a word of the mock engine: ${JSON.stringify(word)}`);
  return meaning(run, ...words);
}

/** @returns whether this many ms have passed before the signal was aborted */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}

/** Resolves a path in the run's folder. @throws Error for a path outside it */
export function inside(home: string, file: string): string {
  const place = path.resolve(home, file);
  if (place === home || place.startsWith(home + path.sep)) return place;
  throw new Error(`${file} is not in the run's folder`);
}
