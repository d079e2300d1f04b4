import { once } from 'node:events';
import https from 'node:https';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** An HTTP proxy of a network in which all host names stand for 127.0.0.1. */
export interface HttpProxy extends AsyncDisposable {
  /** Its URL, with its user and password. */
  readonly url: string;
  /** The request lines and user of every request, in the order of their arrival. */
  readonly seen: string[];
}

/**
 * Starts a proxy for CONNECT and for plain http requests. It refuses everybody but this user with 407.
 *
 * @param certificate for a proxy with TLS
 */
export async function startHttpProxy(
  user: string,
  password: string,
  certificate?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<HttpProxy> {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  const isAllowed = ({ method, url, headers }: IncomingMessage) => {
    seen.push(`${method} ${url}`);
    return headers['proxy-authorization'] === expected;
  };
  const server = certificate ? https.createServer(certificate) : createServer();
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    if (!isAllowed(incoming)) {
      response.writeHead(407).end();
      return;
    }
    const { port, pathname, search } = new URL(incoming.url ?? '');
    const { method, rawHeaders } = incoming;
    const headers = rawHeaders.filter((_, at) => !/^proxy-/i.test(rawHeaders[at - (at % 2)] ?? ''));
    const outgoing = request(
      { host: '127.0.0.1', port, method, path: `${pathname}${search}`, headers },
      answer => {
        response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket) => {
    sockets.add(client);
    if (!isAllowed(incoming)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const service = connect(Number(incoming.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(service).pipe(client);
    });
    sockets.add(service);
    client.on('error', () => service.destroy());
    service.on('error', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return {
    url: `${certificate ? 'https' : 'http'}://${credentials}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
