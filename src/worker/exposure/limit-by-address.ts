import type { Socket } from 'node:net';

/** Counts the connections of each address while they are open. @returns whether a new one is more than `most` */
export function limitByAddress(most: number): (socket: Socket) => boolean {
  const open = new Map<string, number>();
  return socket => {
    // A tunnel, which bounds its streams itself, has none; nor has a connection that is over already.
    if (socket.remoteAddress === undefined) return false;
    const address = placeOf(socket.remoteAddress);
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    return count > most;
  };
}

/** This machine has millions of loopback addresses, and a network of IPv6 belongs to one machine. */
function placeOf(remoteAddress: string): string {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (address === '::1' || address.startsWith('127.')) return 'loopback';
  return address.includes(':') ? networkOf(address) : address;
}

/** The first 64 bits of an IPv6 address. */
function networkOf(address: string): string {
  const [before = '', after] = address.split('::');
  const groups = before.split(':');
  const zeros = after === undefined ? [] : Array.from({ length: 8 }, () => '0');
  return [...groups, ...zeros].slice(0, 4).join(':');
}
