import { get } from 'node:http';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { plainAddress } from '../connection.ts';
import type { Connection } from '../engine.ts';

/** Makes the requests of one run, and knows which connections are its own. */
export class Client {
  /** Sockets from which connections were opened, or are being opened. */
  readonly #sockets = new Set<Socket>();
  readonly #hosts: Readonly<Record<string, string>>;

  /** @param hosts addresses by the names that only this run knows */
  constructor(hosts: Readonly<Record<string, string>> = {}) {
    this.#hosts = hosts;
  }

  /** @throws Error when the server cannot be reached, or the signal is aborted */
  async get(url: string, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly body: Buffer }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; body: Buffer }>();
    const { hostname } = new URL(url);
    const address = this.#hosts[hostname];
    // The server is still called by its name.
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

  /** Whether a connection to a server of this process is one of these. */
  async owns({ remoteAddress, remotePort }: Connection): Promise<boolean> {
    // The server may hear of a connection before who opened it does.
    await Promise.all(Array.from(this.#sockets, connected));
    return Array.from(this.#sockets).some(
      ({ localAddress, localPort }) =>
        localPort === remotePort &&
        localAddress !== undefined &&
        plainAddress(localAddress) === plainAddress(remoteAddress),
    );
  }
}

/** Finds the same address for any name. */
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
