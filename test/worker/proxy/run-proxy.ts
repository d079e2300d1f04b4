import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Secret } from '../../../src/base/index.ts';
import { startProxy, type Proxy, type ProxyOptions } from '../../../src/worker/features/proxy/proxy.ts';

/** Arbitrary credentials, because no service in these tests checks the signature. */
export const ANYBODY = {
  credentials: () => ({ clientId: 'task/of/test', accessToken: new Secret('a token') }),
  authorizedScopes: ['project:a', 'project:b'],
};

/** A proxy for a service at `rootUrl`. It accepts every client as its task. */
export async function proxyTo(
  rootUrl: string,
  options: Partial<ProxyOptions> = {},
): Promise<Proxy & { readonly url: string }> {
  const proxy = await startProxy({
    rootUrl,
    address: '127.0.0.1',
    names: ['localhost'],
    port: 0,
    version: 'test',
    ...ANYBODY,
    ...options,
  });
  proxy.serve({ by: 'connection', isPeer: async () => true });
  return { ...proxy, url: `http://127.0.0.1:${proxy.port}` };
}

export interface Service extends AsyncDisposable {
  readonly rootUrl: string;
  readonly port: number;
}

/** A service that understands HTTP. */
export async function httpService(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Service> {
  const server = http.createServer(
    { requestTimeout: 0 },
    (request, response) => void answer(request, response),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    rootUrl: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A service that records every byte and interprets none. */
export async function rawService(
  answer: (socket: Socket, received: string) => void,
): Promise<Service & { readonly received: string[] }> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = net.createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const index = received.push('') - 1;
    socket.on('data', (chunk: Buffer) => {
      received[index] = `${received[index] ?? ''}${chunk.toString('latin1')}`;
      answer(socket, received[index]);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    received,
    rootUrl: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** The answer to these bytes, until `isEnough` is true or the proxy closes the connection. */
export async function exchange(
  port: number,
  bytes: string,
  isEnough: (text: string) => boolean = () => false,
): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (isEnough(text)) socket.destroy();
  });
  socket.write(bytes, 'latin1');
  await new Promise(resolve => socket.once('close', resolve));
  return text;
}

/** The whole body of a request or an answer. */
export async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Makes a request. Default: on a new connection. */
export async function call(
  url: string,
  path: string,
  options: http.RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; rawHeaders: string[]; text: string }> {
  const { body, ...rest } = options;
  const { hostname, port } = new URL(url);
  const outgoing = http.request({ hostname, port, path, agent: false, ...rest });
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { statusCode = 0, headers, rawHeaders } = answer;
  return { status: statusCode, headers, rawHeaders, text: await textOf(answer) };
}
