import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { makePipe, openEnds } from '../launcher/anonymous-pipe.ts';
import { assertDescriptors } from '../launcher/descriptors.ts';
import { pipeByFifo } from '../launcher/fifo.ts';
import { KEEPER, SANDBOX } from '../processes/mark.ts';
import { OutputPipe } from '../launcher/output-pipe.ts';
import type { Tools } from '../launcher/tools.ts';
import { within } from './within.ts';

/** Both ends of three pipes, the pipe that reports a failed start, and a reserve. */
const DESCRIPTORS_OF_A_START = 12;
/** Time limit for a start, in ms. A task of the same user could stop the shell before its first output. */
const START_MS = 60_000;
/** How many times the watchdog of a dead worker tries to end the remaining processes, once a second. */
const TRIES = 30;

const isLinux = process.platform === 'linux';

/** The watchdog's descriptors for the pipes of the run's output and errors, until it reads its first line. */
const PIPES = { output: 4, errors: 5 } as const;

/**
 * Ends the processes of a run when the worker is gone. It detects this by the end of its standard input, of which only
 * the worker holds the other end.
 *
 * The worker writes the leader of the commands' process group, and `done` when no process is left. On Linux, the
 * watchdog of a dead worker also searches for processes with the run's mark. It stops those that it finds before it
 * kills them, so that they cannot start new ones meanwhile. It searches every thread, because a process whose first
 * thread has ended shows its environment only through the others. After a number of tries, it leaves the rest to the
 * next start of a worker.
 */
const WATCHDOG = `
  trap '' HUP INT QUIT TERM
  if [ -n "$2" ]; then
    ${makePipe(PIPES.output)}
  fi
  if [ -n "$3" ]; then
    ${makePipe(PIPES.errors)}
  fi
  echo ready
  exec >/dev/null 2>&1
  group=
  while read -r word leader; do
    exec ${PIPES.output}<&- ${PIPES.errors}<&-
    case $word in
      leader) group=$leader ;;
      done) exit 0 ;;
    esac
  done
  [ -z "$group" ] || kill -s KILL -- "-$group"
  marked() {
    files=
    for file in /proc/[0-9]*/environ /proc/[0-9]*/task/[0-9]*/environ; do
      # A task of root can put pipes in the place of /proc. Nothing waits for those.
      [ ! -f "$file" ] || files="$files $file"
    done
    for file in $(grep -lszF "$1" $files /dev/null); do
      file=\${file#/proc/}
      printf '%s ' "\${file%%/*}"
    done
  }
  [ -r /proc/self/environ ] || exit 0
  tries=${TRIES}
  while found=$(marked "$@"); [ -n "$found" ] && [ $tries -gt 0 ]; do
    kill -s STOP $found
    kill -s KILL $found
    kill -s KILL $(marked "$@")
    tries=$((tries - 1))
    sleep 1
  done`;

/** Options of runs without a namespace. */
export interface GroupOptions {
  readonly tools: Tools;
  /** Whether standard error has its own pipe. */
  readonly separateErrors?: boolean;
}

/** A shell beside the worker that ends a run's processes when the worker is gone. */
export interface Watchdog {
  readonly pid: number;
  /** Settles when the watchdog has ended. Never rejects. */
  readonly ended: Promise<unknown>;
  write(line: string): void;
  /** Ends its standard input, as the end of the worker would. */
  release(): void;
  /** Kills it, even if it is stopped. */
  kill(): void;
}

/** The pipe of the commands' output. */
export interface OutputPipes {
  readonly pipe: OutputPipe;
  /** The pipe of standard error, if it is separate. */
  readonly errors: OutputPipe | undefined;
}

/**
 * Starts a watchdog, and opens the pipes of the run's output. On Linux the watchdog creates them; elsewhere they are
 * FIFOs.
 *
 * @param mark identifies the run's processes to the watchdog, and the watchdog to a later worker
 * @param use receives the watchdog and the pipes; if it fails, the watchdog is released
 * @throws Error with the shell's messages, when the shell ended instead
 */
export async function withNewWatchdog<Result>(
  mark: string,
  { tools: { closing, shell, mkfifo, searchPath }, separateErrors = false }: GroupOptions,
  use: (watchdog: Watchdog, pipes: OutputPipes) => Result,
): Promise<Result> {
  assertDescriptors(DESCRIPTORS_OF_A_START);
  // Each run has a watchdog, so this does not use execa, which costs a worker 4 MB and 50 ms of its start.
  const script = [
    '-c',
    WATCHDOG,
    'watchdog',
    `${SANDBOX}=${mark}`,
    isLinux ? 'pipe' : '',
    isLinux && separateErrors ? 'pipe' : '',
  ];
  const [file = shell, ...words] = [...closing, shell, ...script];
  const subprocess = spawn(file, words, {
    env: { PATH: searchPath, [KEEPER]: mark },
    cwd: '/',
    detached: true,
  });
  const failed = failureOf(subprocess);
  // If it did not start, it may have no streams, whatever the types say.
  if (subprocess.pid === undefined) throw new Error(await failed);
  const { pid } = subprocess;
  // A broken pipe means that the watchdog has ended, which is detected by its exit.
  subprocess.stdin.on('error', () => undefined);
  const ready = new Promise<undefined>(resolve => {
    subprocess.stdout.once('data', () => {
      resolve(undefined);
    });
  });
  const made: OutputPipe[] = [];
  const makeOutput = async (name: keyof typeof PIPES) => {
    const { reader, writer } = isLinux ? openEnds(pid, PIPES[name]) : await pipeByFifo(mkfifo);
    const pipe = new OutputPipe(reader, writer);
    made.push(pipe);
    return pipe;
  };
  try {
    const failure = await within(
      Promise.race([ready, failed]),
      START_MS,
      'The watchdog of a run does not start',
    );
    if (failure !== undefined) throw new Error(failure);
    const watchdog: Watchdog = {
      pid,
      ended: failed,
      write: line => void subprocess.stdin.write(`${line}\n`),
      release: () => void subprocess.stdin.destroy(),
      kill: () => void subprocess.kill('SIGKILL'),
    };
    const pipe = await makeOutput('output');
    const errors = separateErrors ? await makeOutput('errors') : undefined;
    return use(watchdog, { pipe, errors });
  } catch (error) {
    for (const pipe of made) pipe.close();
    subprocess.stdin.destroy();
    throw error;
  }
}

/** Resolves to a program's messages when the program has ended. Never rejects. */
async function failureOf(subprocess: ChildProcessWithoutNullStreams): Promise<string> {
  const complaint = text(subprocess.stderr).catch(() => '');
  try {
    const [code, signal] = (await once(subprocess, 'close')) as [number | null, string | null];
    return (await complaint) || `${subprocess.spawnfile} ended with ${signal ?? `exit code ${code}`}`;
  } catch (error) {
    return (error as Error).message;
  }
}
