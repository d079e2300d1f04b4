import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Where a server listens, and why it did not get the requested port. */
export interface Listening {
  readonly port: number;
  readonly refused?: string;
}

/** Errors after which another port may work: the port is taken, or needs a privilege. */
const NOT_THIS_PORT: readonly string[] = ['EADDRINUSE', 'EACCES'];

/**
 * Listens on a port, or on any free port if that one is not available.
 *
 * @throws Error when the address has no available port
 */
export async function listen(server: Server, address: string, port: number): Promise<Listening> {
  try {
    return { port: await listenOn(server, address, port) };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (port === 0 || !NOT_THIS_PORT.includes(code)) throw error;
    return { port: await listenOn(server, address, 0), refused: message };
  }
}

async function listenOn(server: Server, address: string, port: number): Promise<number> {
  server.listen({ host: address, port, exclusive: true });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
