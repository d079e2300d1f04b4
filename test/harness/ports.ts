import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * Finds free ports of 127.0.0.1, all different.
 *
 * They are free when this returns. Another process may still take one before it is used.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => once(server.close(), 'close')));
  return ports;
}
