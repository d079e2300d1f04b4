import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Tls } from './tls.ts';
import type { ExposureMethod } from './exposure-method.ts';

interface DirectOptions {
  readonly name: string;
  /** The machine's address as seen from outside. */
  readonly publicIP: string;
  /** The port to listen on. 0: any free port. */
  readonly port: number;
  readonly tls: Tls | undefined;
  /** Returns the host for a new URL. */
  readonly host: () => string;
}

/**
 * Exposes the server on a port of this machine. It listens on all addresses, since the public one may belong to another
 * machine (NAT).
 */
export function direct({ name, publicIP, port: wanted, tls, host }: DirectOptions): ExposureMethod {
  return {
    name,
    tls,
    open: async server => {
      const port = await listen(server, publicIP, wanted);
      return {
        get prefix() {
          return `${tls ? 'https' : 'http'}://${host()}:${port}`;
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
}

/** Formats an IP address for a URL. */
export function urlHost(ip: string): string {
  return isIPv6(ip) ? `[${ip}]` : ip;
}

async function listen(server: Server, publicIP: string, port: number): Promise<number> {
  // If the configured address is a loopback address, the server is reachable only from this machine.
  const isOwn = publicIP === '::1' || publicIP.startsWith('127.');
  server.listen({ port, exclusive: true, ...(isOwn && { host: publicIP }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`port ${port} of livelogExposePort is not available: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}
