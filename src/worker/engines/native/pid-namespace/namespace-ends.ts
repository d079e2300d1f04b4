import { closeSync, constants, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { openEnd, openEnds } from '../launcher/anonymous-pipe.ts';
import { PIPES } from '../launcher/opener.ts';
import { OutputPipe } from '../launcher/output-pipe.ts';
import { settledWithin } from '../../settled-within.ts';

const { O_NONBLOCK } = constants;

/** Time limit for an answer of the first process, in ms. */
const ANSWER_MS = 1_000;
/** How many characters of the first process's unread output are kept. */
const MAX_BUFFERED = 2_000;

/** The worker's ends of the pipes to the processes of a run's namespace. */
export class NamespaceEnds {
  readonly pipe: OutputPipe;
  /** The pipe of standard error, if it is separate. */
  readonly errors: OutputPipe | undefined;
  /** The launcher's input. */
  readonly jobs: Socket;
  /** The launcher's reports. */
  readonly report: Socket;
  /** Settles when the namespace is ready. Rejects with the program's message when it never will be. */
  readonly ready: Promise<undefined>;
  /** Settles when the program that made the namespace has ended. */
  readonly ended: Promise<undefined>;
  /** Settles when the launcher has ended, or was never started. */
  readonly launcherEnded: Promise<undefined>;
  readonly #keep: number;
  readonly #status: Socket;
  readonly #next: () => Promise<string>;
  #released = false;

  /**
   * @param opener the process that has the pipes
   * @param separateErrors whether standard error has its own pipe
   */
  constructor(opener: number, separateErrors = false) {
    const opened: { destroy: () => unknown }[] = [];
    const socket = (name: keyof typeof PIPES, access: 'read' | 'write') => {
      const fd = openEnd(opener, PIPES[name], access, O_NONBLOCK);
      const made = new Socket({ fd, readable: access === 'read', writable: access === 'write' });
      opened.push(made);
      return made;
    };
    const outputPipe = (name: 'output' | 'errors') => {
      const { reader, writer } = openEnds(opener, PIPES[name]);
      const pipe = new OutputPipe(reader, writer);
      opened.push({ destroy: () => pipe.close() });
      return pipe;
    };
    try {
      this.pipe = outputPipe('output');
      this.errors = separateErrors ? outputPipe('errors') : undefined;
      this.jobs = socket('jobs', 'write');
      this.report = socket('report', 'read');
      this.#status = socket('status', 'read');
      this.#keep = openEnd(opener, PIPES.keep, 'write', O_NONBLOCK);
    } catch (error) {
      for (const end of opened) end.destroy();
      throw error;
    }
    const { promise: launcherEnded, resolve } = Promise.withResolvers<undefined>();
    this.report.on('close', () => {
      resolve(undefined);
    });
    this.launcherEnded = launcherEnded;
    const { ready, ended, next } = heard(this.#status);
    this.ready = ready;
    this.ended = ended;
    this.#next = next;
  }

  /** Sends a request to the first process of the namespace. */
  write(line: string): void {
    if (this.#released) return;
    try {
      writeSync(this.#keep, `${line}\n`);
    } catch {
      // A member of the namespace has stopped the reader for so long that the pipe is full.
    }
  }

  /** Sends a question to the first process; undefined without an answer, as members can stop its helper. */
  async ask(line: string): Promise<string | undefined> {
    const answer = this.#next();
    this.write(line);
    const heard = Promise.race([answer, this.ended]);
    return (await settledWithin(heard, ANSWER_MS)) ? await heard : undefined;
  }

  /**
   * Ends the input of the first process and the launcher, as the end of the worker would. Their output no longer keeps
   * the worker's process alive.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#status.unref();
    closeSync(this.#keep);
    this.jobs.destroy();
  }

  /** Closes all of the worker's ends, even if other processes still hold theirs. */
  close(): void {
    this.release();
    this.report.destroy();
    this.#status.destroy();
    this.pipe.close();
    this.errors?.close();
  }
}

/** Output of a namespace's first process: `ready`, then its answers. Text before `ready` is an error message. */
function heard(status: Socket) {
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  let isReady = false;
  let text = '';
  let answer = Promise.withResolvers<string>();
  status.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-MAX_BUFFERED);
    if (!isReady && /^ready\n/m.test(text)) {
      isReady = true;
      text = text.replace(/^[^]*^ready\n/m, '');
      ready.resolve(undefined);
    }
    if (isReady && text.endsWith('\n')) {
      answer.resolve(text.trim());
      text = '';
    }
  });
  status.on('error', () => undefined);
  status.on('close', () => {
    ready.reject(new Error(text.trim() || 'The first process of the namespace ended'));
    ended.resolve(undefined);
  });
  // Only callers that wait need the error.
  ready.promise.catch(() => undefined);
  const next = () => {
    answer = Promise.withResolvers<string>();
    return answer.promise;
  };
  return { ready: ready.promise, ended: ended.promise, next };
}
