import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Tls } from './tls.ts';
import type { Way } from './way-in.ts';

interface DirectOptions {
  readonly name: string;
  /** The address of the machine, as it is seen from outside. */
  readonly publicIP: string;
  /** 0 for any. */
  readonly port: number;
  readonly tls: Tls | undefined;
  /** The host in a URL that is made now. */
  readonly host: () => string;
}

/** Readers come to a port of this machine. It listens on all addresses, since the public one may be another machine's (NAT). */
export function direct({ name, publicIP, port: wanted, tls, host }: DirectOptions): Way {
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

/** An address as a URL has it. */
export function urlHost(ip: string): string {
  return isIPv6(ip) ? `[${ip}]` : ip;
}

async function listen(server: Server, publicIP: string, port: number): Promise<number> {
  // A worker that is meant for its own machine is reached from nowhere else.
  const isOwn = publicIP === '::1' || publicIP.startsWith('127.');
  server.listen({ port, exclusive: true, ...(isOwn && { host: publicIP }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`port ${port} of livelogExposePort cannot be had: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}
