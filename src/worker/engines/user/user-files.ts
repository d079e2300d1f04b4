import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { openedByWorker } from '../../files/host-files.ts';
import type { Opened, TaskFiles } from '../../files/task-files.ts';
import type { Tools } from '../native/index.ts';
import { lineOf, type FilesAnswer, type FilesQuestion } from './files-protocol.ts';

/** The run, and its user. */
export interface UserFilesOptions {
  readonly tools: Tools;
  /** The mount namespace of the run, open. */
  readonly mountSpace: number;
  readonly uid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

type Unnumbered<Q> = Q extends unknown ? Omit<Q, 'id'> : never;
type Question = Unnumbered<FilesQuestion>;
type Process = ChildProcessByStdio<Writable, Readable, Readable>;

interface Waiting {
  readonly resolve: (answer: FilesAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** How many characters of the process's error messages are kept. */
const COMPLAINT_LENGTH = 1_000;

/**
 * Mounts a new /proc that shows this process. The run's /proc belongs to an ended PID namespace. The mount namespace is
 * a private copy of the run's.
 */
const ENTER = '"$1" -t proc -o nosuid,nodev,noexec proc /proc && shift && exec "$@"';

/**
 * The files of a run as its user sees them: with the user's rights, and with the folders that only the run has. A
 * process that has become this user opens the file. The worker then opens it again through the process's descriptor,
 * which nobody can exchange. So a link never leads to a file that the user may not read, whenever the link is created.
 *
 * The first question starts the process. It runs outside the run's PID namespace.
 */
export class UserFiles implements TaskFiles, AsyncDisposable {
  readonly #options: UserFilesOptions;
  readonly #waiting = new Map<number, Waiting>();
  #process: Process | undefined;
  #complaint = '';
  #next = 0;
  #disposed = false;

  constructor(options: UserFilesOptions) {
    this.#options = options;
  }

  async open(path: string): Promise<Opened> {
    const answer = await this.#ask({ ask: 'open', path });
    switch (answer.kind) {
      case 'file': {
        const { descriptor, file } = answer;
        try {
          // O_NONBLOCK is not needed: it is a regular file, and cannot be exchanged.
          return await openedByWorker(await open(`/proc/${this.#pid}/fd/${descriptor}`, 'r'), file);
        } finally {
          await this.#ask({ ask: 'close', descriptor });
        }
      }
      case 'unreadable':
        return { kind: 'unreadable', error: errorOf(answer) };
      case 'directory':
      case 'missing':
      case 'outside':
      case 'neither':
        return { kind: answer.kind };
      default:
        throw new Error(`not an answer: ${answer.kind}`);
    }
  }

  async *walk(path: string): AsyncGenerator<string, void, undefined> {
    const walk = this.#next++;
    for (;;) {
      const answer = await this.#ask({ ask: 'walk', walk, path });
      if (answer.kind !== 'paths') throw new Error(`not an answer: ${answer.kind}`);
      yield* answer.paths;
      if (answer.done) return;
    }
  }

  /** Settles when the process has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const running = this.#process;
    if (!running) return;
    const ended = once(running, 'close');
    running.kill('SIGKILL');
    await ended;
  }

  get #pid(): number {
    return this.#process?.pid ?? 0;
  }

  async #ask(question: Question): Promise<FilesAnswer> {
    const running = this.#start();
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<FilesAnswer>();
    this.#waiting.set(id, { resolve, reject });
    running.stdin.write(lineOf({ id, ...question }));
    const answer = await promise;
    if (answer.kind === 'failed') throw errorOf(answer);
    return answer;
  }

  #start(): Process {
    if (this.#disposed) throw new Error('the run has ended');
    if (this.#process) return this.#process;
    const { tools, mountSpace, uid, groups, home } = this.#options;
    const { nsenter = 'nsenter', unshare = 'unshare', mount = 'mount', shell, searchPath } = tools;
    const node = [process.execPath, '--no-warnings', '--disable-sigusr1', program()];
    const entering = [
      '--mount=/proc/self/fd/3',
      '--',
      unshare,
      '--mount',
      '--',
      shell,
      '-c',
      ENTER,
      'files',
      mount,
    ];
    const words = [...entering, ...node, String(uid), groups.join(','), home];
    const running = spawn(nsenter, words, {
      env: { PATH: searchPath },
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', mountSpace],
    }) as unknown as Process;
    this.#process = running;
    createInterface({ input: running.stdout }).on('line', line => {
      const answer = JSON.parse(line) as FilesAnswer;
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    running.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-COMPLAINT_LENGTH);
    });
    // Its end is detected by its exit.
    running.stdin.on('error', () => undefined);
    const end = (why: string) => {
      this.#process = undefined;
      const error = new Error(`cannot look at the files of the task: ${this.#complaint.trim() || why}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    running.on('error', error => {
      end(error.message);
    });
    running.on('close', (code, signal) => {
      end(`the process ended with ${signal ?? `exit code ${code}`}`);
    });
    return running;
  }
}

function errorOf({ message, code }: { readonly message: string; readonly code?: string | undefined }): Error {
  return Object.assign(new Error(message), code !== undefined && { code });
}

/** The path of the program: TypeScript in a checkout, JavaScript in the published package. */
function program(): string {
  const source = fileURLToPath(new URL('files-process.ts', import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
