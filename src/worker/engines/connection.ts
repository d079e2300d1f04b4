import type { Socket } from 'node:net';
import type { Connection } from './engine.ts';

/** The native handle of a Node socket. Its public methods answer from memory instead of asking the system. */
interface Handle {
  getpeername?(found: object): number;
}

/**
 * A connection to a server of this process, as {@link Sandbox.isPeer} takes it. Call this when the connection is accepted,
 * before anything received over it is acted on.
 *
 * @returns undefined when the connection is broken already
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
    // The system no longer knows the other end of a broken connection (getpeername(2): ENOTCONN).
    isOpen: () => {
      const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle;
      return handle?.getpeername?.({}) === 0;
    },
  };
}

/** An IPv4 address without the `::ffff:` prefix that it has on a socket that listens for IPv6, too. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}
