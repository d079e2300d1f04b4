import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { http, https } from '../../base/index.ts';
import { CORS } from './cors.ts';
import { limitByAddress } from './limit-by-address.ts';
import { refuse, type Refusal } from './refuse.ts';
import type { Routes } from './routes.ts';
import type { Tls } from './tls.ts';

/** The maximum number of connections. Further ones are closed at once. */
const MAX_CONNECTIONS = 1_024;
/** The maximum number from one address, so that a task on this machine cannot take the places of all other readers. */
const MAX_OF_ONE_ADDRESS = 256;
/** A client that has not sent its request after this time is disconnected, in ms. */
const HEADERS_MS = 10_000;
/** Limit for all headers of a request, in bytes. */
const LARGEST_HEADERS = 16 * 1024;
/** How often to check for late requests, in ms. */
const CHECK_MS = 2_000;
/** After this time without traffic, the system sends TCP keep-alive probes, in ms. */
const PROBE_MS = 60_000;

const PREFLIGHT = {
  ...CORS,
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': 'Range',
  'Access-Control-Max-Age': '86400',
};

/** A server, and a function that ends all its connections, including those of WebSockets. */
export interface ExposedServer {
  readonly server: Server;
  readonly destroyConnections: () => void;
}

/** Creates a worker's HTTP server, with limits on the resources that strangers can make it use. */
export function createServer(routes: Routes, tls: Tls | undefined): ExposedServer {
  const connections = new Set<Duplex>();
  const answering = new WeakSet<Duplex>();
  const receive = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // A second request before the answer to the first would only take memory.
    if (answering.has(socket)) {
      socket.destroy();
      return;
    }
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    // Each reader has its own connection, which ends with the answer.
    response.setHeader('Connection', 'close');
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT).end();
      return;
    }
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    const found = routes.find(request.url ?? '');
    if (typeof found === 'object') found.request(request, response);
    else {
      const { status, text } = REFUSALS[found];
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    }
  };

  const options = {
    maxHeaderSize: LARGEST_HEADERS,
    headersTimeout: HEADERS_MS,
    requestTimeout: HEADERS_MS,
    handshakeTimeout: HEADERS_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_MS,
    noDelay: true,
    // Clients such as curl --http2 offer another protocol and expect a usual answer. Before Node 22.21 they get a 400.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  };
  const server: Server = tls ? https().createServer({ ...options, ...tls }) : http.createServer(options);
  server.maxConnections = MAX_CONNECTIONS;
  // If a connection cannot be accepted for lack of file descriptors, the worker must not crash.
  server.on('error', () => undefined);
  const isOneTooMany = limitByAddress(MAX_OF_ONE_ADDRESS);
  server.on('connection', (socket: Duplex) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    if (socket instanceof Socket && isOneTooMany(socket)) socket.destroy();
  });
  server.on('request', receive);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const found = routes.find(request.url ?? '');
    if (typeof found !== 'object') refuse(socket, REFUSALS[found]);
    else if (found.upgrade) found.upgrade(request, socket, head);
    else refuse(socket, NO_WEBSOCKET);
  });
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || answering.has(socket)) socket.destroy();
    else refuse(socket, code === 'ERR_HTTP_REQUEST_TIMEOUT' ? TOO_SLOW : BAD_REQUEST);
  });
  return {
    server,
    destroyConnections: () => {
      for (const connection of connections) connection.destroy();
    },
  };
}

const REFUSALS: Readonly<Record<'no such path' | 'wrong secret', Refusal>> = {
  'no such path': { status: 404, text: 'Not found\n' },
  'wrong secret': {
    status: 401,
    text: 'Access denied: the URL is wrong, or the task has ended. In that case, its log is available as an artifact.\n',
  },
};
const NO_WEBSOCKET = { status: 400, text: 'No websocket is served here\n' };
const TOO_SLOW = { status: 408, text: 'The request took too long\n' };
const BAD_REQUEST = { status: 400, text: 'This is not an HTTP/1.1 request\n' };
