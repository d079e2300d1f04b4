import type { ReadStream, WriteStream } from 'node:tty';
import type { RawData, WebSocket } from 'ws';
import {
  keepAlive,
  SHELL_PING_MS,
  shellInput,
  shellResize,
  type ShellResult,
} from '../../taskcluster/index.ts';
import { SHELL_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { ConnectedShell } from './connect-shell.ts';

export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** Ctrl-D, which ends the input in a terminal when it is at the beginning of a line. */
const END_OF_INPUT = Buffer.from([4]);
const NEWLINE = 10;
/** The most unsent bytes before reading of the input pauses. */
const MAX_UNSENT = 256 * 1024;

/**
 * Connects this terminal to a shell until the shell ends. If the input is not a terminal, its end is passed on.
 *
 * @returns the exit code of the shell; 0 if the worker does not send it
 * @throws Failure when the connection is lost, or the shell could not be started
 */
export async function inTerminal(
  { socket, tellsExitCode }: ConnectedShell,
  { stdin, stdout }: Terminal,
  pingMs = SHELL_PING_MS,
): Promise<number> {
  const ended = Promise.withResolvers<ShellResult | undefined>();
  let result: ShellResult | undefined;
  socket.on('message', (data: RawData, isBinary) => {
    if (!isBinary && tellsExitCode) result = readResult(data as Buffer);
    else show(socket, stdout, data as Buffer);
  });
  socket.once('close', () => {
    ended.resolve(result);
  });
  const resize = () => {
    if (stdout.rows && stdout.columns) socket.send(shellResize(stdout));
  };
  const stopPings = keepAlive(socket, pingMs);
  const stop = passInput(socket, stdin);
  stdout.on('resize', resize);
  if (!tellsExitCode) resize();
  socket.resume();
  try {
    const { exitCode, error } = (await ended.promise) ?? {};
    if (error !== undefined) throw new Failure(SHELL_EXIT_CODES.noShell.code, `no shell: ${error}`);
    if (exitCode !== undefined) return exitCode;
    if (!tellsExitCode) return 0;
    throw new Failure(
      SHELL_EXIT_CODES.unavailable.code,
      'the connection to the shell is lost, or the task has ended',
    );
  } finally {
    stopPings();
    stop();
    stdout.off('resize', resize);
  }
}

function show(socket: WebSocket, stdout: WriteStream, data: Buffer): void {
  if (stdout.write(data)) return;
  socket.pause();
  stdout.once('drain', () => {
    socket.resume();
  });
}

/** @returns a function that restores the input */
function passInput(socket: WebSocket, stdin: ReadStream): () => void {
  const isTerminal = stdin.isTTY;
  let last = NEWLINE;
  const pass = (chunk: Buffer) => {
    last = chunk.at(-1) ?? last;
    socket.send(shellInput(chunk), () => {
      if (stdin.isPaused() && socket.bufferedAmount < MAX_UNSENT) stdin.resume();
    });
    if (socket.bufferedAmount >= MAX_UNSENT) stdin.pause();
  };
  const end = () => {
    // In the middle of a line, the first Ctrl-D only submits the line so far.
    const ends = last === NEWLINE ? [END_OF_INPUT] : [END_OF_INPUT, END_OF_INPUT];
    socket.send(shellInput(Buffer.concat(ends)));
  };
  if (isTerminal) stdin.setRawMode(true);
  stdin.on('data', pass).once('end', end);
  return () => {
    stdin.off('data', pass).off('end', end).pause();
    if (isTerminal) stdin.setRawMode(false);
    // An open pipe must not keep the process alive. A file has no `unref`, although its type says so.
    (stdin as Partial<ReadStream>).unref?.();
  };
}

function readResult(data: Buffer): ShellResult {
  try {
    return JSON.parse(data.toString()) as ShellResult;
  } catch {
    return { error: 'the last message of the worker cannot be read' };
  }
}
