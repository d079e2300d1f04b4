import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { callService, type Signer } from './call-service.ts';
import { knownConnections, type Callers, type KnownConnections } from './callers.ts';
import { admit, type Gate } from './gate.ts';
import { listen } from './listen.ts';
import { createProxyServer } from './proxy-server.ts';
import { OWN_HEADERS, Refusal, refuse } from './refusal.ts';
import { routeOf } from './route.ts';
import { connectServices } from './service-connections.ts';
import { signUrl } from './sign-url.ts';

/** Options of {@link startProxy}. */
export interface ProxyOptions extends Signer {
  readonly rootUrl: string;
  /** The address of this machine on which the proxy listens. */
  readonly address: string;
  /** Host names under which the run's processes may call it, in addition to that address. */
  readonly names: readonly string[];
  /** The preferred port; 0 is any. If it is not available, another one is used. */
  readonly port: number;
  /** The worker's version, which answers contain. */
  readonly version: string;
  /** Time limit for retries of a call, in ms. By default 30 s. */
  readonly tryForMs?: number;
}

/**
 * The Taskcluster proxy of one run. It signs the calls of the run's processes on behalf of the run, and passes
 * them on.
 */
export interface Proxy extends AsyncDisposable {
  /** The port on which it listens. */
  readonly port: number;
  /** Why that is not the preferred port. */
  readonly refused: string | undefined;
  /** Starts to serve the run's processes, and nobody else. Until then, the proxy answers with 503. */
  serve(callers: Callers): void;
  /** Answers with 503 from now on, and aborts calls in progress. */
  readonly stop: () => void;
}

/** @throws Error when no port is available */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { rootUrl, address, names, version } = options;
  const hosts = [...names, address.includes(':') ? `[${address}]` : address];
  const connections = await connectServices(rootUrl);
  const answering = new Set<ServerResponse>();
  let gate: Gate = { open: false, why: 'the task has not started' };

  const answer = async (request: IncomingMessage, response: ServerResponse, signal: AbortSignal) => {
    const route = routeOf(await admit(request, hosts, () => gate));
    if (route.kind === 'unknown') throw UNKNOWN_PATH;
    if (route.kind === 'health') {
      response.writeHead(200, { ...OWN_HEADERS, 'content-type': 'application/json; charset=utf-8' });
      response.end(JSON.stringify({ version }));
    } else if (route.kind === 'bewit') {
      await signUrl(request, response, options, connections.origin);
    } else {
      const { path } = route;
      const { tryForMs } = options;
      const added = [...ownHeaders(options), 'X-Taskcluster-Endpoint', `${connections.origin.origin}${path}`];
      await callService({ request, response, path, connections, signer: options, added, signal, tryForMs });
    }
  };

  const server = createProxyServer((request, response) => {
    const gone = new AbortController();
    answering.add(response);
    response.once('close', () => {
      answering.delete(response);
      if (!response.writableFinished) gone.abort();
    });
    // Nobody needs to know that a task disconnected.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    answer(request, response, gone.signal).catch((error: unknown) => {
      if (error instanceof Refusal) refuse(response, error);
      else if (response.headersSent || gone.signal.aborted) response.destroy();
      else
        refuse(
          response,
          new Refusal(500, 'ProxyError', error instanceof Error ? error.message : String(error)),
        );
    });
  });
  server.on('connection', (socket: Socket) => {
    if (gate.open && 'isKnown' in gate) closeUnlessKnown(socket, gate.isKnown);
  });
  const { port, refused } = await listen(server, address, options.port);

  let isOver = false;
  const stop = () => {
    isOver = true;
    gate = { open: false, why: 'the task has ended' };
    for (const response of answering) response.destroy();
  };
  return {
    port,
    refused,
    serve: callers => {
      if (isOver) return;
      if (callers.by === 'secret') gate = { open: true, secret: callers.secret };
      else gate = { open: true, isKnown: knownConnections(callers.isPeer) };
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      stop();
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await connections[Symbol.asyncDispose]();
      await closed;
    },
  };
}

const UNKNOWN_PATH = new Refusal(
  404,
  'UnknownPath',
  'the Taskcluster proxy knows /api/<service>/v1/<path>, /<service>/v1/<path> and /bewit',
);

/** How long a stranger may take to read the refusal, in ms. */
const CLOSE_MS = 1_000;

/** Strangers must not occupy the connections of the run. */
function closeUnlessKnown(socket: Socket, isKnown: KnownConnections): void {
  const close = () => setTimeout(() => socket.destroy(), CLOSE_MS).unref();
  isKnown(socket).then(known => {
    if (!known) close();
  }, close);
}

/** Clients need not accept longer headers, in bytes. */
const LONGEST_HEADER = 4_096;

/** Headers that describe the proxy. They tell the task nothing new. */
function ownHeaders({ version, credentials, authorizedScopes }: ProxyOptions): string[] {
  const scopes = JSON.stringify(authorizedScopes);
  return [
    'X-Taskcluster-Proxy-Version',
    version,
    'X-Taskcluster-Proxy-Temp-ClientId',
    credentials().clientId,
    ...(scopes.length > LONGEST_HEADER ? [] : ['X-Taskcluster-Authorized-Scopes', scopes]),
  ];
}
