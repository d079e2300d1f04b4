import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Secret } from '../../../base/index.ts';
import { connectionOf } from '../../engines/connection.ts';
import type { Connection } from '../../engines/engine.ts';
import { Refusal } from './refusal.ts';

/** How the proxy distinguishes the processes of its run from all others on this machine. */
export type Callers =
  /** By connection: the engine knows which run each one belongs to. */
  | { readonly by: 'connection'; readonly isPeer: (connection: Connection) => Promise<boolean> }
  /** By a secret at the beginning of each path, which only the run knows. */
  | { readonly by: 'secret'; readonly secret: Secret };

/** Whether a connection comes from the run. Determined once for each connection. */
export type KnownConnections = (socket: Socket) => Promise<boolean>;

export function knownConnections(isPeer: (connection: Connection) => Promise<boolean>): KnownConnections {
  const known = new WeakMap<Socket, Promise<boolean>>();
  return socket => {
    let answer = known.get(socket);
    if (answer === undefined) {
      answer = ask(socket, isPeer);
      known.set(socket, answer);
    }
    return answer;
  };
}

/** @throws Refusal when this cannot be determined */
async function ask(socket: Socket, isPeer: (connection: Connection) => Promise<boolean>): Promise<boolean> {
  // A connection that was closed in the meantime has no addresses.
  const connection = connectionOf(socket);
  if (!connection) return false;
  try {
    return await isPeer(connection);
  } catch (error) {
    const { message } = error as Error;
    throw new Refusal(403, 'UnknownCaller', `the owner of this connection cannot be determined: ${message}`);
  }
}

/**
 * Refuses requests that a browser sends for a web page. A page can make a browser send requests to this
 * machine, even under a host name of its own that resolves to it (DNS rebinding), but the browser then names
 * the page's origin.
 *
 * @param hosts allowed values of `Host`, without the port
 * @throws Refusal
 */
export function refusePages({ headers }: Pick<IncomingMessage, 'headers'>, hosts: readonly string[]): void {
  const { host = '', origin } = headers;
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase();
  if (!hosts.includes(name)) {
    throw new Refusal(421, 'WrongHost', `this proxy is not called ${JSON.stringify(name.slice(0, 100))}`);
  }
  const site = headers['sec-fetch-site'];
  if (origin !== undefined || (site !== undefined && site !== 'none')) {
    throw new Refusal(403, 'NoPages', 'the Taskcluster proxy is not for pages in a browser');
  }
}

/**
 * Removes the secret from the beginning of a path.
 *
 * @throws Refusal when the secret is missing or wrong
 */
export function pathBehind(secret: Secret, target: string): string {
  const wanted = Buffer.from(`/${secret.reveal()}`);
  const given = Buffer.from(target, 'latin1').subarray(0, wanted.length);
  const rest = target.slice(wanted.length);
  const isKnown = given.length === wanted.length && timingSafeEqual(given, wanted) && rest.startsWith('/');
  if (!isKnown) {
    throw new Refusal(
      403,
      'NotYourProxy',
      'this proxy is for one task only, which has its whole URL in $TASKCLUSTER_PROXY_URL',
    );
  }
  return rest;
}
