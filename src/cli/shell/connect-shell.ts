import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { SHELL_SUBPROTOCOL, websocketOptions, type ShellRequest } from '../../taskcluster/index.ts';
import { SHELL_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/** Time limit for the worker's answer to the handshake, in ms. */
const HANDSHAKE_MS = 30_000;

/** A connection to a shell. */
export interface ConnectedShell {
  /** The open socket, paused. */
  readonly socket: WebSocket;
  /** Whether the worker sends the exit code at the end, which only tcw does. */
  readonly tellsExitCode: boolean;
}

/**
 * Connects to a shell. Tries tcw's own protocol first, then the web UI's, the only one that generic-worker has.
 *
 * @throws Failure that says why the connection failed
 */
export async function connectShell(url: URL, request: ShellRequest): Promise<ConnectedShell> {
  const own = await open(url, [SHELL_SUBPROTOCOL]);
  if (own) {
    own.send(JSON.stringify(request));
    return { socket: own, tellsExitCode: true };
  }
  if (request.command !== undefined) {
    throw new Failure(
      SHELL_EXIT_CODES.usage.code,
      "this task's worker is not tcw, and runs no command lines in its shell: leave the command out",
    );
  }
  const plain = await open(url, []);
  if (!plain) throw unreachable(url, 'it accepts no protocol');
  return { socket: plain, tellsExitCode: false };
}

/** @returns undefined if the worker does not know the subprotocol */
async function open(url: URL, protocols: string[]): Promise<WebSocket | undefined> {
  const socket = new WebSocket(url, protocols, {
    ...proxyOptions(url),
    handshakeTimeout: HANDSHAKE_MS,
    perMessageDeflate: false,
    followRedirects: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket | undefined>();
  socket
    .on('open', () => {
      socket.pause();
      resolve(socket);
    })
    .on('unexpected-response', (request, response: IncomingMessage) => {
      reject(refusal(url, response.statusCode ?? 0));
      request.destroy();
    })
    .on('error', error => {
      if (protocols.length > 0 && /no subprotocol/i.test(error.message)) resolve(undefined);
      else reject(unreachable(url, (error as NodeJS.ErrnoException).code ?? error.message));
    });
  return promise;
}

function proxyOptions(url: URL): ReturnType<typeof websocketOptions> {
  try {
    return websocketOptions(url);
  } catch (error) {
    throw new Failure(SHELL_EXIT_CODES.usage.code, (error as Error).message);
  }
}

function refusal({ host }: URL, status: number): Failure {
  const { noShell, refused, unavailable } = SHELL_EXIT_CODES;
  switch (status) {
    case 401:
    case 403:
      return new Failure(
        refused.code,
        `the worker at ${host} denies access (${status}): the shell has ended, or is another task's`,
      );
    case 404:
    case 504:
      return new Failure(
        noShell.code,
        `no worker is connected at ${host} (${status}): it has ended, or lost its tunnel`,
      );
    case 503:
      return new Failure(unavailable.code, 'the task has as many shells as it can have: close one');
    default:
      return new Failure(unavailable.code, `the worker at ${host} answered with status ${status}`);
  }
}

/** Names only the host, because the rest of the URL is a secret. */
function unreachable({ host }: URL, why: string): Failure {
  return new Failure(SHELL_EXIT_CODES.unavailable.code, `the worker at ${host} cannot be reached: ${why}`);
}
