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

/** A proxy to be made. */
export interface ProxyOptions extends Signer {
  readonly rootUrl: string;
  /** The address on which it listens, of this machine. */
  readonly address: string;
  /** The names by which the run's processes may call it, beside that address. */
  readonly names: readonly string[];
  /** Another is taken where this one cannot be had. 0 is any. */
  readonly port: number;
  /** Of the worker, as answers name it. */
  readonly version: string;
  /** For how long a call is tried again, in ms: 30 s by default. */
  readonly tryForMs?: number;
}

/** The Taskcluster proxy of one run: it signs the calls of the run's processes, as the run, and passes them on. */
export interface Proxy extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Why that is not the port that was wanted. */
  readonly refused: string | undefined;
  /** From now on it serves the run's processes, and nobody else. Before, it answers 503. */
  serve(callers: Callers): void;
  /** From now on it answers 503 for good, and breaks off what is under way. */
  readonly stop: () => void;
}

/** @throws Error when it can listen nowhere */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { rootUrl, address, names, version } = options;
  const hosts = [...names, address.includes(':') ? `[${address}]` : address];
  const connections = await connectServices(rootUrl);
  const answering = new Set<ServerResponse>();
  let gate: Gate = { open: false, why: 'the task has not begun' };

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
    // A task that breaks off is no news to anybody.
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
    if (gate.open && 'isKnown' in gate) turnAway(socket, gate.isKnown);
  });
  const { port, refused } = await listen(server, address, options.port);

  let isOver = false;
  const stop = () => {
    isOver = true;
    gate = { open: false, why: 'the task is over' };
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

/** A stranger may hear for so long that this is not for him, in ms. */
const STRANGER_MS = 1_000;

/** Strangers must not take the places of the run's own connections. */
function turnAway(socket: Socket, isKnown: KnownConnections): void {
  const close = () => setTimeout(() => socket.destroy(), STRANGER_MS).unref();
  isKnown(socket).then(known => {
    if (!known) close();
  }, close);
}

/** A client need not read longer headers than this, in bytes. */
const LONGEST_HEADER = 4_096;

/** What answers say of the proxy. Nothing of it is news to the task. */
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
