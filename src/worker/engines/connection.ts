import type { Socket } from 'node:net';
import type { Connection } from './engine.ts';

/** What a socket of Node's asks the system by. It has no other way that does not answer from memory. */
interface Handle {
  getpeername?(found: object): number;
}

/**
 * A connection to a server of this process, as {@link Sandbox.isPeer} takes it. To be made when it was accepted, before
 * anything that came over it is acted on.
 *
 * @returns undefined when it was broken already
 */
export function connectionOf(socket: Socket): Connection | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return {
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    // The system has forgotten the other end of a connection that was broken (getpeername(2): ENOTCONN).
    stands: () => {
      const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle;
      return handle?.getpeername?.({}) === 0;
    },
  };
}

/** An IPv4 address without the prefix that it has on a socket that listens for IPv6 as well. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}
