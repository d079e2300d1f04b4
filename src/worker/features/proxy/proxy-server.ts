import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { http } from '../../../base/index.ts';

/** If a task needs more connections at once, the others wait. */
const MAX_CONNECTIONS = 256;
/** Clients that wait for answers send no more requests ahead. Each of them takes memory. */
const MAX_REQUESTS_AHEAD = 4;
/** Headers are small, and come from this machine. */
const HEADERS_MS = 20_000;
/** Limit for all headers of a request, in bytes. */
const LARGEST_HEADERS = 64 * 1024;
/** Longer than connection pools of HTTP clients keep an idle connection, so that none is closed while they send. */
const IDLE_MS = 120_000;
/** How long a task may neither send nor receive anything in the middle of a request, in ms. */
const SILENCE_MS = 10 * 60_000;

/** Creates the HTTP server of one proxy, with limits on what a task can make it hold. */
export function createProxyServer(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = http.createServer({
    maxHeaderSize: LARGEST_HEADERS,
    headersTimeout: HEADERS_MS,
    // A body may take any time.
    requestTimeout: 0,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: 5_000,
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = SILENCE_MS;
  const ahead = new WeakMap<Duplex, number>();
  const receive = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const requests = (ahead.get(socket) ?? 0) + 1;
    if (requests > MAX_REQUESTS_AHEAD) {
      socket.destroy();
      return;
    }
    ahead.set(socket, requests);
    response.once('close', () => {
      ahead.set(socket, (ahead.get(socket) ?? 1) - 1);
    });
    onRequest(request, response);
  };
  server.on('clientError', (error: MalformedRequest, socket) => {
    // In the middle of an answer there is no room for another.
    const isFree = socket.writable && (ahead.get(socket) ?? 0) === 0;
    if (isFree && error.code !== 'ECONNRESET') answerMalformed(error, socket);
    else socket.destroy();
  });
  server.on('request', receive);
  // The same for a task that asks whether it may send its body. The reader of the body answers that.
  server.on('checkContinue', receive);
  return server;
}

/** Node's error codes for invalid requests, and the answers to them. */
const STATUS_OF: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

type MalformedRequest = NodeJS.ErrnoException & { readonly reason?: string };

function answerMalformed(error: MalformedRequest, socket: Duplex): void {
  const body = JSON.stringify({
    code: 'BadRequest',
    message: `this is not an HTTP/1.1 request: ${error.reason ?? error.message}`,
  });
  const status = STATUS_OF[error.code ?? ''] ?? '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
