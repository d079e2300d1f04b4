import type { Pool } from 'undici';

/** The connections of one proxy to its deployment. They are shared with no other run. */
export interface ServiceConnections extends AsyncDisposable {
  readonly origin: URL;
  readonly pool: Pool;
}

/** As many calls as a task may have under way. More wait for one of these. */
const MOST_CONNECTIONS = 128;
const CONNECT_MS = 30_000;
/** A server may close an idle connection just as we send; 4 s is under what servers commonly allow. */
const IDLE_MS = 4_000;
/** The longest that a service may say nothing in the middle of a request, in ms. Long polls take half a minute. */
const SILENCE_MS = 10 * 60_000;
/** Of all headers of an answer, in bytes. */
const LARGEST_HEADERS = 64 * 1024;

export async function connectServices(rootUrl: string): Promise<ServiceConnections> {
  // Not before there is a task that wants a proxy: it takes a while to load.
  const { Pool } = await import('undici');
  const origin = new URL(new URL(rootUrl).origin);
  const pool = new Pool(origin.origin, {
    connections: MOST_CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    connect: { timeout: CONNECT_MS },
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    maxHeaderSize: LARGEST_HEADERS,
  });
  return { origin, pool, [Symbol.asyncDispose]: () => pool.destroy() };
}
