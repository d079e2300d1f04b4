import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { assertDescriptors } from './descriptors.ts';

/** Prefix of an answer. */
export const ANSWER = '= ';

/** Both ends of two pipes, the pipe that reports a failed start, and a reserve. */
const DESCRIPTORS_OF_A_START = 8;

/** How much of the programs' error messages is kept, in characters. */
const COMPLAINT_LENGTH = 2_000;

interface Question {
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A shell that answers each line of input with one line that begins with {@link ANSWER}. All its other output is error
 * messages. It keeps the worker's process alive only while an answer is pending.
 */
export class AnsweringShell {
  over = false;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #questions: Question[] = [];
  #complaint = '';

  /**
   * @param words the shell and its arguments
   * @param searchPath PATH of the programs that it starts
   */
  constructor([file = '', ...words]: readonly string[], searchPath: string) {
    assertDescriptors(DESCRIPTORS_OF_A_START);
    const child = spawn(file, words, {
      env: { PATH: searchPath },
      cwd: '/',
      // In its own session: signals of the worker's terminal are for the worker only.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    child.on('error', error => {
      this.#end(error.message);
    });
    if (child.pid === undefined) return;
    child.on('exit', (code, signal) => {
      this.#end(`${file} ended with ${signal ?? `exit code ${code}`}`);
    });
    // Its end is detected by its exit.
    child.stdin.on('error', () => undefined);
    let begun = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (begun + text).split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
    });
    child.unref();
    (child.stdin as unknown as Holding).unref();
    this.#hold();
  }

  /** 0 if it did not start. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(line: string): Promise<string> {
    // If it did not start, it has no streams, whatever the types say.
    if (this.over || this.#child.pid === undefined) return Promise.reject(new Error(this.complaint()));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#questions.push({ resolve, reject });
    this.#hold();
    this.#child.stdin.write(`${line}\n`);
    return promise;
  }

  /** The error messages so far. */
  complaint(): string {
    return this.#complaint.trim();
  }

  close(): void {
    this.over = true;
    this.#child.stdin.end();
  }

  #hear(line: string): void {
    if (!line.startsWith(ANSWER)) {
      this.#complaint = `${this.#complaint}\n${line}`.slice(-COMPLAINT_LENGTH);
      return;
    }
    this.#questions.shift()?.resolve(line.slice(ANSWER.length));
    this.#hold();
  }

  /** It keeps the worker alive while questions are open. */
  #hold(): void {
    const stdout = this.#child.stdout as unknown as Holding;
    // The process as well: when it has ended, its output has, and Node may hear of that first.
    for (const held of [this.#child, stdout]) {
      if (this.#questions.length > 0) held.ref();
      else held.unref();
    }
  }

  #end(why: string): void {
    this.over = true;
    this.#complaint ||= why;
    for (const { reject } of this.#questions.splice(0)) reject(new Error(this.complaint()));
  }
}

/** Streams of a child are sockets, whatever the types say. */
interface Holding {
  ref(): void;
  unref(): void;
}
