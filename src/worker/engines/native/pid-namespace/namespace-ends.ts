import { closeSync, constants, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { openEnd, openEnds } from '../launcher/anonymous-pipe.ts';
import { PIPES } from '../launcher/opener.ts';
import { OutputPipe } from '../launcher/output-pipe.ts';
import { settledWithin } from '../../settled-within.ts';

const { O_NONBLOCK } = constants;

/** How long the first process of a namespace may take to answer, in ms. */
const ANSWER_MS = 1_000;
/** How much of what it says is kept while nobody waits for it, in characters. */
const HEARD_AT_MOST = 2_000;

/** The worker's ends of the pipes between it and what a run's namespace consists of. */
export class NamespaceEnds {
  readonly pipe: OutputPipe;
  /** Where commands write their errors, if not to the same pipe. */
  readonly errors: OutputPipe | undefined;
  /** What the launcher reads. */
  readonly jobs: Socket;
  /** What the launcher tells. */
  readonly report: Socket;
  /** Settles when the namespace is there. Rejects, with what the program said, when it never will be. */
  readonly ready: Promise<undefined>;
  /** Settles when the program that made the namespace has ended. */
  readonly ended: Promise<undefined>;
  /** Settles when the launcher has ended, or never was. */
  readonly launcherEnded: Promise<undefined>;
  readonly #keep: number;
  readonly #status: Socket;
  readonly #next: () => Promise<string>;
  #released = false;

  /**
   * @param opener the process whose descriptors the pipes are
   * @param separateErrors whether there is a pipe for errors
   */
  constructor(opener: number, separateErrors = false) {
    const opened: { destroy: () => unknown }[] = [];
    const socket = (name: keyof typeof PIPES, way: 'read' | 'write') => {
      const fd = openEnd(opener, PIPES[name], way, O_NONBLOCK);
      const made = new Socket({ fd, readable: way === 'read', writable: way === 'write' });
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

  /** Tells the first process of the namespace something. */
  tell(line: string): void {
    if (this.#released) return;
    try {
      writeSync(this.#keep, `${line}\n`);
    } catch {
      // A member has stopped the reader for so long that the pipe is full.
    }
  }

  /** Asks the first process something; undefined when no answer comes, as members can stop the one who answers. */
  async ask(line: string): Promise<string | undefined> {
    const answer = this.#next();
    this.tell(line);
    const heard = Promise.race([answer, this.ended]);
    return (await settledWithin(heard, ANSWER_MS)) ? await heard : undefined;
  }

  /**
   * Ends what the first process and the launcher read, as the end of the worker would. The worker's process does not wait
   * for what they still tell.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#status.unref();
    closeSync(this.#keep);
    this.jobs.destroy();
  }

  /** Gives all back, whoever is at the other ends. */
  close(): void {
    this.release();
    this.report.destroy();
    this.#status.destroy();
    this.pipe.close();
    this.errors?.close();
  }
}

/** What a namespace's first process says: `ready` when it is there, then its answers. Anything before is a complaint. */
function heard(status: Socket) {
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  let isReady = false;
  let text = '';
  let answer = Promise.withResolvers<string>();
  status.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-HEARD_AT_MOST);
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
  // Who waits for it hears of it; nobody else has to.
  ready.promise.catch(() => undefined);
  const next = () => {
    answer = Promise.withResolvers<string>();
    return answer.promise;
  };
  return { ready: ready.promise, ended: ended.promise, next };
}
