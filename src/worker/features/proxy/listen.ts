import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Where a server listens, and what kept it from the port that was wanted. */
export interface Listening {
  readonly port: number;
  readonly refused?: string;
}

/** Not this port, but another may do: it is taken, or needs a privilege. */
const NOT_THIS_PORT: readonly string[] = ['EADDRINUSE', 'EACCES'];

/**
 * Listens on a port, or on any that is free where that one cannot be had.
 *
 * @throws Error when no port can be had at that address
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
