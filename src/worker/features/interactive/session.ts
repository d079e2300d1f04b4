import { setTimeout as sleep } from 'node:timers/promises';
import type { RawData, WebSocket } from 'ws';
import {
  keepAlive,
  SHELL_INPUT,
  SHELL_PING_MS,
  SHELL_RESIZE,
  SHELL_SUBPROTOCOL,
  type ShellRequest,
  type ShellResult,
} from '../../../taskcluster/index.ts';
import type { Terminal, TerminalSize } from '../../engines/engine.ts';
import { Inbox } from './inbox.ts';
import { firstMessage, readRequest } from './request.ts';
import { READY } from './shell-argv.ts';
import { completeLength } from './utf8.ts';

/** Opens a terminal. Resolves to undefined while there is no process of the task next to which it could be opened. */
export type OpenTerminal = (request: ShellRequest) => Promise<Terminal | undefined>;

interface SessionTiming {
  /** The interval between pings, in ms. A client that has not answered the last ping counts as disconnected. */
  readonly pingMs: number;
  /** The interval between attempts to open a terminal, in ms, and the number of attempts. */
  readonly againMs: number;
  readonly tries: number;
}

const TIMING: SessionTiming = { pingMs: SHELL_PING_MS, againMs: 1_000, tries: 20 };

/** The size until a client of protocol version 2 has sent its own. */
const FIRST_SIZE: TerminalSize = { rows: 24, columns: 80 };

/** Serves one client until its shell or its connection has ended. Never rejects. */
export async function serveShell(
  socket: WebSocket,
  open: OpenTerminal,
  timing: SessionTiming = TIMING,
): Promise<void> {
  socket.on('error', () => undefined);
  const inbox = new Inbox(socket);
  const gone = new AbortController();
  socket.once('close', () => {
    gone.abort();
  });
  const stopPings = keepAlive(socket, timing.pingMs);
  const isOurs = socket.protocol === SHELL_SUBPROTOCOL;
  const result: { exitCode?: number; error?: string } = {};
  try {
    const request: ShellRequest = isOurs ? readRequest(await firstMessage(inbox, gone.signal)) : FIRST_SIZE;
    const isCooked = request.command === undefined || request.cooked !== false;
    const terminal = await opened(socket, open, request, gone.signal, timing);
    if (terminal) result.exitCode = await connected(socket, inbox, terminal, gone.signal, isCooked);
    else result.error = 'the task is not ready: none of its commands is running';
  } catch (error) {
    result.error = (error as Error).message;
  } finally {
    stopPings();
  }
  if (socket.readyState !== socket.OPEN) return;
  if (isOurs) socket.send(JSON.stringify(result satisfies ShellResult));
  else if (result.error !== undefined) socket.send(Buffer.from(`\r\n${result.error}\r\n`));
  socket.close(1000);
}

/** Waits for the task's container like generic-worker: with a message, and a dot for each attempt. */
async function opened(
  socket: WebSocket,
  open: OpenTerminal,
  request: ShellRequest,
  gone: AbortSignal,
  { againMs, tries }: SessionTiming,
): Promise<Terminal | undefined> {
  for (let attempt = 0; attempt < tries && !gone.aborted; attempt++) {
    const terminal = await open(request);
    if (terminal) return terminal;
    const isShown = request.command === undefined;
    if (isShown) socket.send(Buffer.from(attempt === 0 ? 'Waiting for task to be ready.' : '.'));
    await sleep(againMs, undefined, { signal: gone }).catch(() => undefined);
  }
  return undefined;
}

/** Copies data in both directions, each as fast as its receiver takes it. @returns the shell's exit code */
async function connected(
  socket: WebSocket,
  inbox: Inbox,
  terminal: Terminal,
  gone: AbortSignal,
  cooked: boolean,
): Promise<number> {
  await using _terminal = terminal;
  const { stream } = terminal;
  const listen = () => {
    inbox.open((data, isBinary) => {
      if (isBinary) handleInput(socket, terminal, data);
    });
  };
  const leave = () => void terminal[Symbol.asyncDispose]();
  gone.addEventListener('abort', leave, { once: true });
  if (gone.aborted) leave();
  let isListening = cooked;
  if (isListening) listen();
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      const shown = chunk as Buffer;
      let bytes = rest.length === 0 ? shown : Buffer.concat([rest, shown]);
      if (!isListening) {
        if (bytes.toString('latin1', 0, 1) === READY) bytes = bytes.subarray(1);
        isListening = true;
        listen();
      }
      const complete = completeLength(bytes);
      rest = bytes.subarray(complete);
      if (complete > 0) await sent(socket, bytes.subarray(0, complete));
    }
  } catch {
    // The terminal was closed while it was being read.
  }
  if (rest.length > 0 && !gone.aborted) await sent(socket, rest);
  gone.removeEventListener('abort', leave);
  // The terminal is closed when this function returns.
  return await terminal.ended;
}

function handleInput(socket: WebSocket, terminal: Terminal, data: RawData): void {
  const { stream } = terminal;
  const message = data as Buffer;
  if (message[0] === SHELL_RESIZE && message.length === 5) {
    const [rows, columns] = [message.readUInt16LE(1), message.readUInt16LE(3)];
    if (rows > 0 && columns > 0) terminal.resize({ rows, columns });
  } else if (message[0] === SHELL_INPUT && message.length > 1 && !stream.destroyed) {
    if (stream.write(message.subarray(1))) return;
    socket.pause();
    stream.once('drain', () => {
      socket.resume();
    });
  }
}

function sent(socket: WebSocket, data: Buffer): Promise<void> {
  return new Promise(resolve => {
    socket.send(data, () => {
      resolve();
    });
  });
}
