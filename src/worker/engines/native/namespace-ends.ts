import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { OutputPipe } from './output-pipe.ts';

const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** The worker's ends of the FIFOs between it and what a run's namespace consists of. */
export class NamespaceEnds {
  readonly pipe: OutputPipe;
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
  #released = false;

  /** @param folder in which the FIFOs are; it is not needed any more when the other ends are open too */
  constructor(folder: string) {
    const opened: { destroy: () => unknown }[] = [];
    const open = (name: string, flags: number) => {
      const descriptor = openSync(path.join(folder, name), flags | O_NONBLOCK);
      opened.push({ destroy: () => closeSync(descriptor) });
      return descriptor;
    };
    const socket = (name: string, way: { readable: boolean }) => {
      // One that is opened for writing waits for a reader, who is not there yet; one that is opened for both does not.
      const fd = open(name, way.readable ? O_RDONLY : O_RDWR);
      const made = new Socket({ fd, writable: !way.readable, ...way });
      opened.splice(-1, 1, made);
      return made;
    };
    try {
      this.pipe = new OutputPipe(path.join(folder, 'output'));
      opened.push({ destroy: () => this.pipe.close() });
      this.jobs = socket('jobs', { readable: false });
      this.report = socket('report', { readable: true });
      this.#status = socket('status', { readable: true });
      this.#keep = open('keep', O_RDWR);
    } catch (error) {
      for (const end of opened) end.destroy();
      throw error;
    }
    const { promise: launcherEnded, resolve } = Promise.withResolvers<undefined>();
    this.report.on('close', () => {
      resolve(undefined);
    });
    this.launcherEnded = launcherEnded;
    const { ready, ended } = heard(this.#status);
    this.ready = ready;
    this.ended = ended;
  }

  /** Tells the first process of the namespace something. */
  tell(line: string): void {
    if (!this.#released) writeSync(this.#keep, `${line}\n`);
  }

  /** Ends what the first process and the launcher read, as the end of the worker would. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    closeSync(this.#keep);
    this.jobs.destroy();
  }

  /** Gives all back, whoever is at the other ends. */
  close(): void {
    this.release();
    this.report.destroy();
    this.#status.destroy();
    this.pipe.close();
  }
}

/** What a namespace's first process says: a line when it is there, then nothing. Anything else is a complaint. */
function heard(status: Socket) {
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  let text = '';
  status.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (/^ready$/m.test(text)) ready.resolve(undefined);
  });
  status.on('error', () => undefined);
  status.on('close', () => {
    ready.reject(new Error(text.trim() || 'The first process of the namespace ended'));
    ended.resolve(undefined);
  });
  // Who waits for it hears of it; nobody else has to.
  ready.promise.catch(() => undefined);
  return { ready: ready.promise, ended: ended.promise };
}
