import { once } from 'node:events';
import { connect } from 'node:net';
import type { Address } from './address.ts';

const CONNECT_MS = 5_000;

/**
 * Whether an engine accepts new connections. An engine that is being stopped accepts none, ends its containers, and still
 * answers on existing connections.
 */
export async function isListening({ origin, socketPath }: Address): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  const socket =
    socketPath === undefined
      ? connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 80 : port) })
      : connect({ path: socketPath });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
