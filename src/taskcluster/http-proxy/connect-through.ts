import type { Agent } from 'node:http';
import { isIP, type createConnection, type Socket } from 'node:net';
import { http, https } from '../../base/index.ts';
import { namesProxy, proxyFor, type HttpProxy } from './proxy-for.ts';

/** Time limit for the whole connection, in ms. A caller cannot abort it earlier. */
const CONNECT_MS = 10_000;

type Connected = (...result: [error: null, socket: Socket] | [error: Error, socket: never]) => void;

/** Options of a connection, as Node's agents and undici give them. */
interface Target {
  readonly host?: string | null | undefined;
  /** Without the brackets of an IPv6 address. Undici adds the port to `host`, but not to this. */
  readonly hostname?: string | null | undefined;
  readonly port?: string | number | null | undefined;
  /** How long the open connection may be silent, in ms. */
  readonly timeout?: number | undefined;
}

/**
 * Returns a function that connects to services with the method CONNECT of a proxy, for libraries that accept their own
 * way to connect. Undefined if a URL's host is called directly.
 */
export function proxyConnector(url: URL): ((target: Target, connected: Connected) => void) | undefined {
  const proxy = proxyFor(url);
  if (!proxy) return undefined;
  const isSecure = url.protocol === 'https:' || url.protocol === 'wss:';
  return (target, connected) => {
    connectThrough(proxy, target, isSecure).then(
      socket => {
        connected(null, socket);
      },
      (error: unknown) => {
        connected(error as Error, undefined as never);
      },
    );
  };
}

/** Makes an agent of Node use the proxies that the environment names. Without any, the agent is not changed. */
export function throughProxies<Kind extends Agent>(agent: Kind, protocol: string): Kind {
  if (!namesProxy()) return agent;
  const connectDirectly = agent.createConnection.bind(agent);
  agent.createConnection = (target, connected) => {
    const { host, port } = target as Target;
    const connect = proxyConnector(new URL(`${protocol}//${inUrl(host ?? '')}:${port}`));
    if (!connect || !connected) return connectDirectly(target, connected);
    connect(target, connected);
    return undefined;
  };
  return agent;
}

/** Returns options for a WebSocket that make it use the proxy for its URL. They are empty if there is none. */
export function websocketOptions(url: URL): { readonly createConnection?: typeof createConnection } {
  const connect = proxyConnector(url);
  // Node calls this function like that of an agent, which the types of ws do not say.
  return connect ? { createConnection: connect as unknown as typeof createConnection } : {};
}

async function connectThrough(proxy: HttpProxy, target: Target, isSecure: boolean): Promise<Socket> {
  const { host, hostname = host, port, timeout } = target;
  const name = hostname ?? '';
  const address = `${inUrl(name)}:${Number(port ?? 0) || (isSecure ? 443 : 80)}`;
  const { origin, authorization } = proxy;
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const open = origin.startsWith('https:') ? https().request : http.request;
  const outgoing = open(origin, {
    method: 'CONNECT',
    path: address,
    agent: false,
    // Node would take the name from the header Host.
    servername: serverName(new URL(origin).hostname),
    headers: { host: address, ...(authorization && { 'proxy-authorization': authorization.reveal() }) },
  });
  let socket: Socket | undefined;
  let peer = `the proxy ${origin}`;
  const fail = (error: Error) => {
    socket?.destroy();
    outgoing.destroy();
    reject(Object.assign(new Error(`${peer}: ${error.message}`), { code: codeOf(error) }));
  };
  const timer = setTimeout(() => {
    fail(Object.assign(new Error(`no connection within ${CONNECT_MS}ms`), { code: 'ETIMEDOUT' }));
  }, CONNECT_MS);
  outgoing.on('error', fail);
  outgoing.on('connect', ({ statusCode = 0 }, opened: Socket) => {
    socket = opened.on('error', fail);
    if (statusCode < 200 || statusCode > 299) {
      fail(new Error(`it answered CONNECT with status ${statusCode}`));
    } else if (isSecure) {
      const tls = process.getBuiltinModule('node:tls');
      peer = `${address} through the proxy ${origin}`;
      socket = tls
        .connect({ socket: opened, host: name, servername: serverName(name), ALPNProtocols: ['http/1.1'] })
        .on('error', fail)
        .once('secureConnect', () => {
          if (socket) resolve(socket);
        });
    } else {
      resolve(opened);
    }
  });
  outgoing.end();
  try {
    const connected = await promise;
    if (timeout !== undefined) connected.setTimeout(timeout);
    return connected;
  } finally {
    clearTimeout(timer);
    socket?.off('error', fail);
  }
}

/** Addresses have no certificate names. */
function serverName(host: string): string {
  return isIP(host.replace(/^\[|\]$/g, '')) ? '' : host;
}

function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** Errors of the network have a code. A refused CONNECT is one of them: a later one may be accepted. */
function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'ECONNREFUSED';
}
