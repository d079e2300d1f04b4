import type { IncomingMessage } from 'node:http';
import type { Secret } from '../../../base/index.ts';
import { pathBehind, refusePages, type KnownConnections } from './callers.ts';
import { Refusal } from './refusal.ts';

/** Who is let in. */
export type Gate =
  | { readonly open: false; readonly why: string }
  /** Whose connection is known. */
  | { readonly open: true; readonly isKnown: KnownConnections }
  /** Who knows the secret. */
  | { readonly open: true; readonly secret: Secret };

/**
 * Lets a request in, or refuses it.
 *
 * @param hosts what the proxy may be called in `Host`, without the port
 * @param gate tells the present one, which may close meanwhile
 * @returns its path and query, as they were sent, without the secret
 * @throws Refusal
 */
export async function admit(
  request: IncomingMessage,
  hosts: readonly string[],
  gate: () => Gate,
): Promise<string> {
  const { method, url = '', socket } = request;
  refusePages(request, hosts);
  // It would show the task its own request, with the signature.
  if (method === 'TRACE') throw new Refusal(405, 'MethodNotAllowed', 'TRACE is not passed on');
  const before = gate();
  if (before.open && 'isKnown' in before && !(await before.isKnown(socket))) throw STRANGER;
  const now = gate();
  if (!now.open) throw new Refusal(503, 'NotRunning', `the Taskcluster proxy is closed: ${now.why}`);
  return 'secret' in now ? pathBehind(now.secret, url) : url;
}

const STRANGER = new Refusal(403, 'NotYourProxy', 'this proxy is for the processes of one task only');
