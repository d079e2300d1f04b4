import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UnpackFault } from '../unpack-fault.ts';
import { endProgram, programCell } from './program-cell.ts';
import { errorOf, type Answer, type Given, type Job, type ThreadMessage } from './messages.ts';

/** A file that needs more memory than this (not counting buffers) is designed to do harm. */
const MAX_HEAP_MB = 512;

/** The other end of a thread. */
export interface Listener {
  /** Called at once. Answers that come before the thread listens are kept for it. */
  started?(answer: (answer: Answer) => void): void;
  /** Called with each message except the last. */
  said(word: ThreadMessage, answer: (answer: Answer) => void): void;
}

/**
 * Runs a job in a separate thread, so that the worker is not blocked, and the memory that a hostile file
 * demands is limited and returned. The thread and its programs have ended when this settles.
 *
 * @returns the thread's result
 * @throws UnpackFault, the reason of the signal, or an error of the system
 */
export async function inThread(job: Job, signal: AbortSignal, listener: Listener): Promise<unknown> {
  signal.throwIfAborted();
  const cell = programCell();
  const thread = new Worker(program(), {
    workerData: { job, cell } satisfies Given,
    // Variables may be secrets.
    env: { PATH: process.env.PATH },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    name: `unpack ${job.format}`,
  });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const stop = () => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', stop, { once: true });
  const answer = (words: Answer) => {
    thread.postMessage(words);
  };
  listener.started?.(answer);
  thread.on('message', (word: ThreadMessage) => {
    if (word.kind === 'done') resolve(word.result);
    else if (word.kind === 'failed') reject(errorOf(word.failure));
    else listener.said(word, answer);
  });
  thread.on('error', (error: NodeJS.ErrnoException) => {
    const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    reject(
      isMemory ? new UnpackFault('unsafe', 'the content needs more memory than the worker gives it') : error,
    );
  });
  const exit = Promise.withResolvers<void>();
  thread.on('exit', () => {
    exit.resolve();
    reject(new Error('the unpacking thread ended without a result'));
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await endProgram(cell, exit.promise);
    await thread.terminate();
    // It may have started another program.
    await endProgram(cell, exit.promise);
  }
}

/** Returns the thread's program: TypeScript in a checkout, JavaScript in the published package. */
function program(): URL {
  const source = new URL('main.ts', import.meta.url);
  return existsSync(fileURLToPath(source)) ? source : new URL('main.js', import.meta.url);
}
