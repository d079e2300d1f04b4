import { get } from 'node:http';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { plainAddress } from '../connection.ts';
import type { Connection } from '../engine.ts';

/** Makes the requests of one run, and recognizes its own connections. */
export class Client {
  /** Sockets that are connected or connecting. */
  readonly #sockets = new Set<Socket>();
  readonly #hosts: Readonly<Record<string, string>>;

  /** @param hosts addresses by host name, for this run only */
  constructor(hosts: Readonly<Record<string, string>> = {}) {
    this.#hosts = hosts;
  }

  /** @throws Error when the server cannot be reached, or the signal is aborted */
  async get(url: string, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly body: Buffer }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; body: Buffer }>();
    const { hostname } = new URL(url);
    const address = this.#hosts[hostname];
    // The request still has the server's name.
    const place = address === undefined ? {} : { lookup: alwaysAt(address) };
    const request = get(url, { agent: false, signal, ...place }, response => {
      const { statusCode = 0 } = response;
      buffer(response).then(body => {
        resolve({ ok: statusCode >= 200 && statusCode < 300, body });
      }, reject);
    });
    request.on('error', reject).on('socket', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    return promise;
  }

  /** Whether a connection to a server of this process is this run's. */
  async owns({ remoteAddress, remotePort }: Connection): Promise<boolean> {
    // The server may accept a connection before its client learns that it is connected.
    await Promise.all(Array.from(this.#sockets, connected));
    return Array.from(this.#sockets).some(
      ({ localAddress, localPort }) =>
        localPort === remotePort &&
        localAddress !== undefined &&
        plainAddress(localAddress) === plainAddress(remoteAddress),
    );
  }
}

/** Resolves every name to the same address. */
function alwaysAt(address: string): LookupFunction {
  return (_name, { all }, found) => {
    const family = isIP(address);
    if (all) found(null, [{ address, family }]);
    else found(null, address, family);
  };
}

/** Settles when a socket is connected, or never will be. */
async function connected(socket: Socket): Promise<void> {
  if (!socket.connecting) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  for (const event of ['connect', 'error', 'close']) {
    socket.once(event, () => {
      resolve(undefined);
    });
  }
  await promise;
}
