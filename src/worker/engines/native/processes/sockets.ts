import { endianness } from 'node:os';
import { isIPv4 } from 'node:net';
import { plainAddress } from '../../connection.ts';
import type { Connection } from '../../engine.ts';
import { findProcLine } from './proc-lines.ts';

/** The tables of the machine's TCP connections; see proc(5). */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
const INODE_FIELD = 9;

/** Whether the system lists its connections. */
export async function canListConnections(): Promise<boolean> {
  return (await findProcLine(TABLES[0], 'local_address').catch(() => undefined)) !== undefined;
}

/**
 * The socket from which a connection to this process was opened, as the links in /proc/<pid>/fd name it:
 * `socket:[123]`.
 *
 * It finds the other end first, and then checks that the connection is still established. While it is, no other
 * connection has the same addresses, so the socket that was found is really its other end.
 *
 * @returns undefined when nobody on this machine has it open
 * @throws Error when somebody has replaced /proc
 */
export async function clientSocket(connection: Connection): Promise<string | undefined> {
  const { remoteAddress, remotePort, localAddress, localPort } = connection;
  const [client, server] = [end(remoteAddress, remotePort), end(localAddress, localPort)];
  if (client === undefined || server === undefined) return undefined;
  const inode = await inodeOf(client, server);
  return inode !== undefined && connection.isOpen() ? `socket:[${inode}]` : undefined;
}

/** One end of a connection in the notation of each table. The first table has IPv4 only, the second has both. */
type End = readonly [inV4: string | undefined, inV6: string];

/** The inode of the socket whose row begins with these two ends. A socket that no process holds open has none. */
async function inodeOf(own: End, other: End): Promise<string | undefined> {
  for (const [index, table] of TABLES.entries()) {
    const [from, to] = [own[index], other[index]];
    if (from === undefined || to === undefined) continue;
    const row = await findProcLine(table, ` ${from} ${to} `);
    const inode = row?.trim().split(/\s+/)[INODE_FIELD];
    if (inode !== undefined && inode !== '0') return inode;
  }
  return undefined;
}

function end(address: string, port: number): End | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const v4 = plainAddress(address);
  if (isIPv4(v4)) {
    const word = wordOf(v4.split('.').map(Number));
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    return [word + suffix, wordsOf(mapped) + word + suffix];
  }
  const bytes = bytesOfV6(address);
  return bytes && [undefined, wordsOf(bytes) + suffix];
}

/** The sixteen bytes of an IPv6 address; undefined for anything else. */
function bytesOfV6(address: string): number[] | undefined {
  let host: string;
  try {
    // The URL parser writes an address without dots, and with at most one `::`.
    host = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
  const [head = '', tail] = host.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].flatMap(group => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 0xff];
  });
}

/** The kernel prints every four bytes as one number in its own byte order. */
function wordsOf(bytes: readonly number[]): string {
  return Array.from({ length: bytes.length / 4 }, (_, index) =>
    wordOf(bytes.slice(4 * index, 4 * index + 4)),
  ).join('');
}

function wordOf(bytes: readonly number[]): string {
  const ordered = endianness() === 'LE' ? bytes.toReversed() : bytes;
  return ordered.map(byte => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}
