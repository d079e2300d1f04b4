import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { websocketOptions } from '../../../taskcluster/index.ts';
import { HEADER_BYTES } from './frames.ts';
import { WINDOW_BYTES } from './session.ts';

/** Timeout for the tunnel's answer to the handshake, in ms. */
const HANDSHAKE_MS = 30_000;

/** The tunnel refused the worker. */
export class TunnelRefused extends Error {
  override readonly name = 'TunnelRefused';
  readonly status: number;

  constructor(status: number) {
    super(`the tunnel answered with status ${status}${HINTS.get(status) ?? ''}`);
    this.status = status;
  }
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [400, ': it does not accept the id or the form of the token'],
  [401, ': it does not accept the token; wstAudience may be wrong'],
  [404, ': there is no websocktunnel at wstServerURL'],
]);

export interface Connected {
  /** The WebSocket, open and paused. */
  readonly socket: WebSocket;
  /** The URL at which the tunnel serves this worker, without a trailing slash. */
  readonly clientUrl: string;
}

/**
 * Opens a worker's WebSocket to a websocktunnel. Another connection with the same id ends the earlier one.
 *
 * @param id identifies this worker to the tunnel
 * @param token a JWT from Taskcluster's auth service for this id
 * @throws TunnelRefused if the answer is an error; Error if there is no answer or no client URL; or the signal's reason
 */
export async function connectTunnel(
  serverUrl: string,
  id: string,
  token: string,
  signal: AbortSignal,
  handshakeMs = HANDSHAKE_MS,
): Promise<Connected> {
  signal.throwIfAborted();
  const url = websocketUrl(serverUrl);
  const socket = new WebSocket(url, {
    ...websocketOptions(url),
    headers: { authorization: `Bearer ${token}`, 'x-websocktunnel-id': id },
    handshakeTimeout: handshakeMs,
    // One frame may fill the window.
    maxPayload: WINDOW_BYTES + HEADER_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Connected>();
  const stop = () => {
    reject(signal.reason as Error);
    socket.terminate();
  };
  signal.addEventListener('abort', stop, { once: true });
  let clientUrl: string | undefined;
  socket
    .on('error', reject)
    .on('unexpected-response', (request, response: IncomingMessage) => {
      reject(new TunnelRefused(response.statusCode ?? 0));
      request.destroy();
    })
    .on('upgrade', ({ headers }: IncomingMessage) => {
      const found = headers['x-websocktunnel-client-url'];
      clientUrl = typeof found === 'string' ? readClientUrl(found) : undefined;
    })
    .on('open', () => {
      if (clientUrl !== undefined) {
        // Paused until there is a message listener, because the first message may arrive with the handshake's answer.
        socket.pause();
        resolve({ socket, clientUrl });
        return;
      }
      reject(new Error('the server at wstServerURL is not a websocktunnel: it sends no client URL'));
      socket.terminate();
    });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Replaces http by ws in the scheme. No path is added, since the tunnel registers clients only at the path `/`. */
function websocketUrl(serverUrl: string): URL {
  const url = new URL(serverUrl);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return url;
}

function readClientUrl(text: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:/.test(text)) return undefined;
  return text.replace(/\/+$/, '');
}
