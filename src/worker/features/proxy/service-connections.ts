import type { Pool } from 'undici';
import { proxyConnector } from '../../../taskcluster/index.ts';

/** The connections of one proxy to its deployment. No other run shares them. */
export interface ServiceConnections extends AsyncDisposable {
  readonly origin: URL;
  readonly pool: Pool;
}

/** Limit for concurrent calls of a task. Further calls wait. */
const MAX_CONNECTIONS = 128;
const CONNECT_MS = 30_000;
/**
 * A server may close an idle connection just as a request is sent. Servers commonly keep connections for more
 * than 4 s.
 */
const IDLE_MS = 4_000;
/** How long a service may be silent in the middle of a request, in ms. Long polls take half a minute. */
const SILENCE_MS = 10 * 60_000;
/** Limit for all headers of an answer, in bytes. */
const LARGEST_HEADERS = 64 * 1024;

export async function connectServices(rootUrl: string): Promise<ServiceConnections> {
  // Loaded for the first task with a proxy, because loading takes a while.
  const { Pool } = await import('undici');
  const origin = new URL(new URL(rootUrl).origin);
  const pool = new Pool(origin.origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    connect: proxyConnector(origin) ?? { timeout: CONNECT_MS },
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    maxHeaderSize: LARGEST_HEADERS,
  });
  return { origin, pool, [Symbol.asyncDispose]: () => pool.destroy() };
}
