import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { http } from '../../base/index.ts';

/** The answer for each path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

interface Answer {
  readonly statusCode: number;
  readonly contentType: string;
  readonly body: string;
}

export interface MonitoringServer extends AsyncDisposable {
  /** The URL, such as `http://127.0.0.1:9090`. */
  readonly url: string;
}

/**
 * More connections than this come from a task. Each further connection closes the oldest one, idle ones first, so that
 * monitoring still gets through.
 */
const MAX_CONNECTIONS = 64;
/** How long a client may take to send its request, and how long its connection may be idle, in ms. */
const REQUEST_MS = 5_000;

/**
 * Serves a few short texts by HTTP.
 *
 * Tasks can connect to every port of the machine. Nothing served here is secret, and no task can keep others from being
 * served.
 *
 * @param port the port; 0 for any free one
 * @throws a system error if the port cannot be opened
 */
export async function monitoringServer(
  routes: Routes,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<MonitoringServer> {
  /** Connections without and with a request in progress, oldest first. */
  const idle = new Set<Socket>();
  const asking = new Set<Socket>();
  const forget = (socket: Socket) => {
    idle.delete(socket);
    asking.delete(socket);
  };
  const server = http.createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      const { socket } = request;
      idle.delete(socket);
      asking.add(socket);
      response.once('close', () => {
        if (asking.delete(socket) && !socket.destroyed) idle.add(socket);
      });
      void respond(routes, request, response);
    },
  );
  server.keepAliveTimeout = REQUEST_MS;
  server.on('connection', (socket: Socket) => {
    const [oldest = socket] = idle.size > 0 ? idle : asking;
    if (idle.size + asking.size >= MAX_CONNECTIONS) {
      forget(oldest);
      oldest.destroy();
    }
    idle.add(socket);
    socket.on('close', () => {
      forget(socket);
    });
  });
  server.listen(port, address);
  await once(server, 'listening');
  // Monitoring must not keep the process alive.
  server.unref();
  const bound = server.address() as AddressInfo;
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${host}:${bound.port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function respond(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '/' } = request;
  request.resume();
  const refuse = (statusCode: number, text: string, headers: Readonly<Record<string, string>> = {}) => {
    response.writeHead(statusCode, { 'content-type': 'text/plain', ...headers }).end(`${text}\n`);
  };
  const path = url.replace(/\?.*/, '');
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) {
    refuse(404, `there are ${Object.keys(routes).join(', ')}`);
    return;
  }
  if (method !== 'GET' && method !== 'HEAD') {
    refuse(405, 'only GET', { allow: 'GET, HEAD' });
    return;
  }
  try {
    const { statusCode, contentType, body } = await route();
    const headers = {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    };
    response.writeHead(statusCode, headers).end(method === 'HEAD' ? undefined : body);
  } catch {
    refuse(500, 'the state of the worker could not be determined');
  }
}
