import type { Socket } from 'node:net';

/** Counts the open connections of each address. @returns a function that tells whether a new one exceeds `most` */
export function limitByAddress(max: number): (socket: Socket) => boolean {
  const open = new Map<string, number>();
  return socket => {
    // Streams of a tunnel have no address, and the tunnel limits them itself. Closed connections have none either.
    if (socket.remoteAddress === undefined) return false;
    const address = placeOf(socket.remoteAddress);
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    return count > max;
  };
}

/**
 * Returns the key under which an address is counted. All loopback addresses count as one, since this machine has
 * millions of them. An IPv6 network counts as one, since it belongs to one machine.
 */
function placeOf(remoteAddress: string): string {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (address === '::1' || address.startsWith('127.')) return 'loopback';
  return address.includes(':') ? networkOf(address) : address;
}

/** Returns the first 64 bits of an IPv6 address. */
function networkOf(address: string): string {
  const [before = '', after] = address.split('::');
  const groups = before.split(':');
  const zeros = after === undefined ? [] : Array.from({ length: 8 }, () => '0');
  return [...groups, ...zeros].slice(0, 4).join(':');
}
