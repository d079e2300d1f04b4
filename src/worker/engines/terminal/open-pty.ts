import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Terminal, TerminalSize } from '../engine.ts';
import { PTY_STREAM, type FromPty, type ToPty } from './pty-protocol.ts';

/** The program of a terminal. */
export type PtyStart = Omit<Extract<ToPty, { type: 'start' }>, 'type'>;

/** A terminal, and the process that leads it. */
export interface OpenPty extends Terminal {
  readonly pid: number;
}

/** Exit code of a program that was ended with its terminal. */
const KILLED = 128 + 9;
/** How long the process that holds a terminal may take to end, in ms. A task of the same user can stop it. */
const HOLDER_MS = 1_000;

/** Whether the terminal library supports this platform. */
export function hasPty(): boolean {
  try {
    createRequire(import.meta.url).resolve(`@lydell/node-pty-${process.platform}-${process.arch}/pty.node`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens a terminal and runs a program in it. A process beside the worker holds the terminal. If the worker held it,
 * every program that the worker starts meanwhile would inherit it, including tasks.
 *
 * @param signal ends the wait for the start, and prevents a later start
 * @throws Error when there is no terminal, or the program could not be started
 */
export async function openPty(start: PtyStart, signal: AbortSignal): Promise<OpenPty> {
  const holder = startProcess();
  // The exit code arrives as a message, which the end of the process may overtake.
  const heard = new Promise(resolve => holder.once('disconnect', resolve));
  const kill = () => holder.kill('SIGKILL');
  const { promise: started, resolve, reject } = Promise.withResolvers<number>();
  let exitCode = KILLED;
  holder
    .on('error', reject)
    .on('message', (words: FromPty) => {
      if (words.type === 'started') resolve(words.pid);
      else if (words.type === 'failed') reject(new Error(words.message));
      else ({ exitCode } = words);
    })
    .on('exit', () => {
      reject(new Error('the process that holds the terminal ended'));
    });
  send(holder, { type: 'start', ...start });
  signal.addEventListener('abort', kill, { once: true });
  const pid = await started.finally(() => {
    signal.removeEventListener('abort', kill);
  });
  const stream = holder.stdio[PTY_STREAM] as Socket;
  stream.on('error', () => undefined);
  const over = holder.exitCode === null && holder.signalCode === null ? once(holder, 'exit') : undefined;
  const read = stream.closed
    ? undefined
    : new Promise(resolve => stream.once('end', resolve).once('close', resolve));
  const close = () => {
    if (holder.connected) holder.disconnect();
    stream.destroy();
  };
  // The process ends by itself after this, but has yet to report the program's exit code.
  stream.once('close', () => {
    if (!stream.readableEnded) close();
  });
  return {
    pid,
    stream,
    resize: size => {
      send(holder, { type: 'resize', size: bounded(size) });
    },
    ended: Promise.all([over, heard, read]).then(() => exitCode),
    [Symbol.asyncDispose]: async () => {
      close();
      const late = setTimeout(kill, HOLDER_MS);
      await over;
      clearTimeout(late);
    },
  };
}

function startProcess(): ChildProcess {
  const source = fileURLToPath(new URL('pty-process.ts', import.meta.url));
  const file = existsSync(source) ? source : source.replace(/\.ts$/, '.js');
  const child = spawn(process.execPath, ['--no-warnings', file], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '' },
    // In its own session: signals of the worker's terminal are for the worker only.
    detached: true,
    // The last is {@link PTY_STREAM}.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'],
  });
  return child;
}

function send(child: ChildProcess, words: ToPty): void {
  if (child.connected) child.send(words, () => undefined);
}

/** Limits both numbers to the 16 bits that the system has for each. */
function bounded({ rows, columns }: TerminalSize): TerminalSize {
  const within = (count: number) => Math.min(Math.max(1, Math.trunc(count)), 0xffff);
  return { rows: within(rows), columns: within(columns) };
}
