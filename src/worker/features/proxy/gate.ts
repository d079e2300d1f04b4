import type { IncomingMessage } from 'node:http';
import type { Secret } from '../../../base/index.ts';
import { pathBehind, refusePages, type KnownConnections } from './callers.ts';
import { Refusal } from './refusal.ts';

/** Which callers are admitted. */
export type Gate =
  | { readonly open: false; readonly why: string }
  /** Callers whose connection belongs to the run. */
  | { readonly open: true; readonly isKnown: KnownConnections }
  /** Callers that know the secret. */
  | { readonly open: true; readonly secret: Secret };

/**
 * Admits a request or refuses it.
 *
 * @param hosts allowed values of `Host`, without the port
 * @param gate returns the present gate, which may close in the meantime
 * @returns the path and query as they were sent, without the secret
 * @throws Refusal
 */
export async function admit(
  request: IncomingMessage,
  hosts: readonly string[],
  gate: () => Gate,
): Promise<string> {
  const { method, url = '', socket } = request;
  refusePages(request, hosts);
  // The answer would show the task its own request with the signature.
  if (method === 'TRACE') throw new Refusal(405, 'MethodNotAllowed', 'TRACE is not forwarded');
  const before = gate();
  if (before.open && 'isKnown' in before && !(await before.isKnown(socket))) throw NOT_OF_THE_TASK;
  const now = gate();
  if (!now.open) throw new Refusal(503, 'NotRunning', `the Taskcluster proxy is closed: ${now.why}`);
  return 'secret' in now ? pathBehind(now.secret, url) : url;
}

const NOT_OF_THE_TASK = new Refusal(403, 'NotYourProxy', 'this proxy is for the processes of one task only');
