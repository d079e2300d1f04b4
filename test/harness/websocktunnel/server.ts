import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer, type RawData } from 'ws';
import { TunnelPeer } from './peer.ts';

export interface TestTunnelOptions {
  readonly secret?: string;
  readonly audience?: string;
  /** Default: 30 s. */
  readonly acceptMs?: number;
  readonly port?: number;
}

/** A replacement of `websocktunnel` for viewers and clients, with checks that the real one omits. */
export interface TestTunnel extends AsyncDisposable {
  readonly port: number;
  /** For a worker's `wstServerURL`. */
  readonly url: string;
  /** Connected workers by ID. */
  readonly peers: ReadonlyMap<string, TunnelPeer>;
  /** The clients' violations of the protocol. */
  violations(): string[];
  /** All attempts of clients to connect, each with the status of the answer. */
  readonly attempts: readonly { readonly id: string; readonly status: number; readonly token: string }[];
  /** Answers the next attempts to connect with a status. */
  refuse(status: number, times: number): void;
  /** Creates a token as the auth service does. */
  token(id: string, more?: object): string;
}

export async function startTestTunnel(options: TestTunnelOptions = {}): Promise<TestTunnel> {
  const { secret = 'of the test', audience = 'tests', acceptMs = 30_000 } = options;
  const peers = new Map<string, TunnelPeer>();
  const gone: TunnelPeer[] = [];
  const attempts: { id: string; status: number; token: string }[] = [];
  let refusal: { status: number; times: number } | undefined;
  const registering = new WebSocketServer({ noServer: true });
  const viewing = new WebSocketServer({ noServer: true });
  const server = createServer();
  const prefix = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const register = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const id = String(incoming.headers['x-websocktunnel-id'] ?? '');
    const token = /^Bearer ([\w.-]+)$/.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
    let status = 101;
    if (!/^[\w~.%-]+$/.test(id) || token === '') status = 400;
    else if (!isGood(token, id, secret, audience)) status = 401;
    if (refusal !== undefined && refusal.times-- > 0) ({ status } = refusal);
    attempts.push({ id, status, token });
    if (status !== 101) {
      socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    registering.once('headers', headers => {
      headers.push(`x-websocktunnel-client-url: ${prefix()}/${id}`);
    });
    registering.handleUpgrade(incoming, socket, head, client => {
      peers.get(id)?.socket.close();
      const peer = new TunnelPeer(client, acceptMs);
      peers.set(id, peer);
      client.on('close', () => {
        gone.push(peer);
        if (peers.get(id) === peer) peers.delete(id);
      });
    });
  };

  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    if (incoming.url === '/') register(incoming, socket, head);
    else void viewWebsocket(incoming, socket, head, peers, viewing);
  });
  server.on('request', (incoming, response) => {
    void view(incoming, response, peers);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    peers,
    attempts,
    violations: () => [...gone, ...peers.values()].flatMap(({ violations }) => violations),
    refuse: (status, times) => {
      refusal = { status, times };
    },
    token: (id, more) => makeToken(id, secret, audience, more),
    [Symbol.asyncDispose]: () => closed(server, peers),
  };
}

async function closed(server: Server, peers: ReadonlyMap<string, TunnelPeer>): Promise<void> {
  for (const { socket } of peers.values()) socket.terminate();
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
}

interface Asked {
  readonly peer: TunnelPeer | undefined;
  readonly path: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

/** Splits a viewer's path: `/<id>/<path>` becomes `/<path>`, and `/<id>` becomes `/`. `/<id>?q` contains no ID. */
function read(incoming: IncomingMessage, peers: ReadonlyMap<string, TunnelPeer>): Asked {
  const { url = '', headers } = incoming;
  const [, id = '', rest = '/'] = /^\/([^/]+)(\/.*)?$/.exec(url) ?? [];
  return {
    peer: peers.get(id),
    path: rest,
    headers: { ...headers, 'x-websocktunnel-original-path': url.replace(/\?.*/, '') },
  };
}

async function view(
  incoming: IncomingMessage,
  response: ServerResponse,
  peers: ReadonlyMap<string, TunnelPeer>,
): Promise<void> {
  const { peer, path, headers } = read(incoming, peers);
  if (peer === undefined) {
    response.writeHead(504).end('No client is connected with that id');
    return;
  }
  const stream = await peer.open().catch(() => undefined);
  if (stream === undefined) {
    response.writeHead(500).end();
    return;
  }
  const { method } = incoming;
  const inner = request({ createConnection: () => stream, method, path, headers });
  inner.on('response', answer => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
    answer.on('end', () => stream.destroy());
  });
  inner.on('error', () => {
    response.destroy();
  });
  response.on('close', () => {
    stream.destroy();
  });
  incoming.pipe(inner);
}

/** Makes a separate handshake with the worker, and forwards messages. The close code is not forwarded. */
async function viewWebsocket(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peers: ReadonlyMap<string, TunnelPeer>,
  viewing: WebSocketServer,
): Promise<void> {
  const { peer, path, headers } = read(incoming, peers);
  const stream = await peer?.open().catch(() => undefined);
  if (stream === undefined) {
    socket.end(`HTTP/1.1 ${peer ? 500 : 504} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    return;
  }
  const passed = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(sec-websocket|upgrade|connection)/.test(name)),
  );
  const protocols = headers['sec-websocket-protocol'];
  const inner = new WebSocket(
    `ws://${incoming.headers.host}${path}`,
    typeof protocols === 'string' ? protocols.split(/, */) : [],
    { headers: passed as Record<string, string>, createConnection: () => stream, perMessageDeflate: false },
  );
  inner.on('unexpected-response', (_request, answer) => {
    socket.end(`HTTP/1.1 ${answer.statusCode} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    stream.destroy();
  });
  inner.on('error', () => undefined);
  inner.on('open', () => {
    inner.pause();
    viewing.options.handleProtocols = () => inner.protocol || false;
    viewing.handleUpgrade(incoming, socket, head, outer => {
      forward(inner, outer);
      forward(outer, inner);
      inner.resume();
    });
  });
}

function forward(from: WebSocket, to: WebSocket): void {
  from.on('message', (message: RawData, binary: boolean) => {
    to.send(message, { binary });
  });
  from.on('error', () => undefined);
  from.on('close', () => {
    to.terminate();
  });
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest('base64url');

function makeToken(tid: string, secret: string, aud: string, more: object = {}): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { tid, aud, iat: now, nbf: now - 900, exp: now + 96 * 3_600, ...more };
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign(text, secret)}`;
}

function isGood(token: string, id: string, secret: string, audience: string): boolean {
  const [header, body, signature] = token.split('.');
  if (header === undefined || body === undefined || signature !== sign(`${header}.${body}`, secret))
    return false;
  const { tid, aud, exp, nbf } = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
    readonly tid: string;
    readonly aud?: string;
    readonly exp: number;
    readonly nbf: number;
  };
  const now = Date.now() / 1_000;
  const isAud = aud === undefined || aud === audience;
  return tid === id && isAud && now < exp && now >= nbf && exp - nbf <= 31 * 86_400;
}
